import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, messageOf } from '../../../src/shared/lib/app-error.js';
import type { CtlEnvironment } from '../../ctl-environment.js';
import { type ProgramResult, outputOf } from '../run-program.js';
import type { Signer } from './throw-away-client.js';

/** The command of the smoke test's job, and its expected output. */
export const SMOKE_COMMAND = 'push-jobs-smoke-test';
export const SMOKE_OUTPUT = 'push jobs work';

const PRIVATE = 0o600;

/** The last lines of a node's output show why it ended. */
const LAST_LINES = 5;

/** A node and the client that it uses. */
export interface NodeIdentity extends Signer {
  readonly serverUrl: string;
  /** File with trusted CA certificates; undefined if none is needed. */
  readonly caFile: string | undefined;
}

const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;

const settingsOf = ({ serverUrl, name, caFile }: NodeIdentity, folder: string): string =>
  [
    `chef_server_url ${quoted(serverUrl)}`,
    `node_name ${quoted(name)}`,
    `client_key ${quoted(join(folder, 'client.pem'))}`,
    ...(caFile === undefined ? [] : [`ssl_ca_file ${quoted(caFile)}`]),
    `file_dir ${quoted(join(folder, 'files'))}`,
    `state_dir ${quoted(join(folder, 'state'))}`,
    `whitelist({ '${SMOKE_COMMAND}' => 'echo ${SMOKE_OUTPUT}' })`,
    '',
  ].join('\n');

/**
 * Runs a node client that knows one harmless command while `work` runs, and removes it afterwards. The signal for `work`
 * aborts if the client ends by itself or the given signal aborts.
 */
export const withThrowAwayNode = async <T>(
  { run, installed }: CtlEnvironment,
  identity: NodeIdentity,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), 'push-jobs-smoke-test-')); // for this user only
  const [ending, died] = [new AbortController(), new AbortController()];
  try {
    writeFileSync(join(folder, 'client.pem'), identity.key, { mode: PRIVATE });
    const settings = join(folder, 'settings.rb');
    writeFileSync(settings, settingsOf(identity, folder), { mode: PRIVATE });
    const ended = run(installed.node, [installed.client, '--config', settings], {
      signal: ending.signal,
      timeoutMs: 0,
    }).then(
      (result) => died.abort(endedByItself(result)),
      (thrown: unknown) => died.abort(new AppError('smoke_node', messageOf(thrown))),
    );
    try {
      return await work(AbortSignal.any([signal, died.signal]));
    } finally {
      ending.abort();
      await ended;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const endedByItself = (result: ProgramResult): AppError => {
  const lastLines = outputOf(result).split('\n').slice(-LAST_LINES).join('\n');
  return new AppError('smoke_node', `the throw-away node ended by itself: ${lastLines}`);
};
