import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CtlEnvironment } from '../../ctl-environment.js';

/** What the smoke test's job runs, and what it must write. */
export const SMOKE_COMMAND = 'push-jobs-smoke-test';
export const SMOKE_OUTPUT = 'push jobs work';

/** A node and whose client it is. */
export interface NodeIdentity {
  readonly serverUrl: string;
  readonly name: string;
  /** The file with its private key. */
  readonly keyFile: string;
  /** The file with certificates to trust, where one is needed. */
  readonly caFile: string | undefined;
}

const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;

const settingsOf = ({ serverUrl, name, keyFile, caFile }: NodeIdentity, folder: string): string =>
  [
    `chef_server_url ${quoted(serverUrl)}`,
    `node_name ${quoted(name)}`,
    `client_key ${quoted(keyFile)}`,
    ...(caFile === undefined ? [] : [`ssl_ca_file ${quoted(caFile)}`]),
    `file_dir ${quoted(join(folder, 'files'))}`,
    `state_dir ${quoted(join(folder, 'state'))}`,
    `whitelist({ '${SMOKE_COMMAND}' => 'echo ${SMOKE_OUTPUT}' })`,
    '',
  ].join('\n');

/** Runs a node client that knows one harmless command for as long as the work takes, and leaves nothing of it behind. */
export const withThrowAwayNode = async <T>(
  { run, installed }: CtlEnvironment,
  identity: NodeIdentity,
  work: () => Promise<T>,
): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), 'push-jobs-smoke-test-'));
  const ending = new AbortController();
  const settings = join(folder, 'settings.rb');
  writeFileSync(settings, settingsOf(identity, folder), { mode: 0o600 });
  const ended = run(installed.node, [installed.client, '--config', settings], {
    signal: ending.signal,
    timeoutMs: 0,
  });
  try {
    return await work();
  } finally {
    ending.abort();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
};
