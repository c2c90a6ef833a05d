import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, messageOf } from '../../../src/shared/lib/app-error.js';
import type { CtlEnvironment } from '../../ctl-environment.js';
import { type ProgramResult, saidBy } from '../run-program.js';
import type { Signatory } from './throw-away-client.js';

/** What the smoke test's job runs, and what it must write. */
export const SMOKE_COMMAND = 'push-jobs-smoke-test';
export const SMOKE_OUTPUT = 'push jobs work';

const PRIVATE = 0o600;

/** The end of what a node said is enough to see why it gave up. */
const LAST_LINES = 5;

/** A node and whose client it is. */
export interface NodeIdentity extends Signatory {
  readonly serverUrl: string;
  /** The file with certificates to trust, where one is needed. */
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
 * Runs a node client that knows one harmless command for as long as the work takes, and leaves nothing of it behind.
 * The work's signal aborts when the client ends by itself, or when the given one does.
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
  const said = saidBy(result).split('\n').slice(-LAST_LINES).join('\n');
  return new AppError('smoke_node', `the throw-away node ended by itself: ${said}`);
};
