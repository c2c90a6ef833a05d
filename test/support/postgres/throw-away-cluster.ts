import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { eventually } from '../eventually.js';
import { freePort } from '../free-port.js';
import { findPostgresBinaries } from './binaries.js';

/** A temporary PostgreSQL. */
export interface ThrowAwayCluster {
  /** `postgres://postgres:password@127.0.0.1:port/postgres` of a superuser. */
  readonly url: string;
  /** Ends the server and keeps its data: INT closes the connections, QUIT ends it without a checkpoint, as a crash does. */
  readonly end: (signal: 'SIGINT' | 'SIGQUIT') => Promise<void>;
  /** Starts the server again on its port, after `end`. */
  readonly startAgain: () => Promise<void>;
  /** Stops the server and removes its folder. */
  readonly stop: () => Promise<void>;
}

/** User that runs the server, since PostgreSQL refuses to run as root. */
interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

/** A small server with the durability of production (fsync stays on). */
const SETTINGS = ['max_connections=200', 'shared_buffers=32MB', 'listen_addresses=127.0.0.1'];

/** Stops the server and removes its folder if this process ends in any way: its end of the pipe closes. */
const REAPER = 'read -r _; kill -QUIT "$1"; sleep 1; rm -rf "$2"';

/**
 * Creates a cluster in a temporary folder and starts it on a free port of 127.0.0.1. Errors contain PostgreSQL's log.
 */
export const startThrowAwayCluster = async (): Promise<ThrowAwayCluster> => {
  const binaries = findPostgresBinaries();
  const owner = findOwner();
  const folder = mkdtempSync(join(tmpdir(), 'push-jobs-test-postgres-'));
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(folder, owner.uid, owner.gid);
  const password = randomBytes(16).toString('hex');
  try {
    createCluster(binaries, owner, folder, password);
    const port = await freePort();
    let server = startServer(binaries, owner, folder, port);
    let reaper = startReaper(owner, server, folder);
    const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
    const end = async (signal: NodeJS.Signals): Promise<void> => {
      if (server.exitCode !== null || server.signalCode !== null) return;
      server.kill(signal);
      await once(server, 'exit');
    };
    const startAgain = async (): Promise<void> => {
      reaper.kill(); // its process id of the server is no longer valid
      server = startServer(binaries, owner, folder, port);
      reaper = startReaper(owner, server, folder);
      await waitUntilReady(server, url, folder);
    };
    const stop = async (): Promise<void> => {
      await end('SIGINT'); // "fast" shutdown: closes open connections
      reaper.kill();
      rmSync(folder, { recursive: true, force: true });
    };
    await waitUntilReady(server, url, folder).catch(async (thrown: unknown) => {
      await stop();
      throw thrown;
    });
    return { url, end, startAgain, stop };
  } catch (thrown) {
    rmSync(folder, { recursive: true, force: true });
    throw thrown;
  }
};

const findOwner = (): Owner => {
  if (process.getuid?.() !== 0) return {};
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = ['postgres', 'nobody'].map((name) => users.find((fields) => fields[0] === name)).find(Boolean);
  if (user === undefined) throw new Error('PostgreSQL does not run as root: add a user postgres or nobody');
  return { uid: Number(user[2]), gid: Number(user[3]) };
};

const createCluster = (binaries: string, owner: Owner, folder: string, password: string): void => {
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(passwordFile, owner.uid, owner.gid);
  const options = ['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync'];
  execFileSync(
    join(binaries, 'initdb'),
    ['--pgdata', join(folder, 'data'), '--username=postgres', `--pwfile=${passwordFile}`, ...options],
    { ...owner, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  );
};

const startServer = (binaries: string, owner: Owner, folder: string, port: number): ChildProcess => {
  const settings = [...SETTINGS, `port=${port}`, `unix_socket_directories=${folder}`];
  const log = openSync(join(folder, 'log'), 'a');
  return spawn(
    join(binaries, 'postgres'),
    ['-D', join(folder, 'data'), ...settings.flatMap((setting) => ['-c', setting])],
    // Detached, so that Ctrl-C at the terminal does not stop it before the tests have ended.
    { ...owner, cwd: folder, stdio: ['ignore', log, log], detached: true },
  );
};

const startReaper = (owner: Owner, server: ChildProcess, folder: string): ChildProcess => {
  const reaper = spawn('sh', ['-c', REAPER, 'sh', String(server.pid), folder], {
    ...owner,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  reaper.unref();
  return reaper;
};

const waitUntilReady = async (server: ChildProcess, url: string, folder: string): Promise<void> => {
  const probe = async (): Promise<boolean> => {
    if (server.exitCode !== null) return true;
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      return true;
    } finally {
      await client.end();
    }
  };
  await eventually(probe, { withinMs: 30_000, everyMs: 50 });
  if (server.exitCode !== null) {
    throw new Error(`PostgreSQL did not start:\n${readFileSync(join(folder, 'log'), 'utf8')}`);
  }
};
