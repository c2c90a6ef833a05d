import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { type RunLock, takeRunLock } from '../../shared/platform/run-lock.js';
import type { Connection } from './connection-options.js';

/** The driver finds a socket by its folder and this number: `FOLDER/.s.PGSQL.5432`. */
const SOCKET_PORT = 5432;

/** One for our pool, and room for its successor while a broken one is still being put away. */
const MOST_CONNECTIONS = 4;

/** A PostgreSQL that runs inside this process and keeps its data in a folder: for a first try without a server. */
export interface EmbeddedDatabase {
  readonly connection: Connection;
  /** Writes everything out, ends it and gives the folder free. Close the connections to it first. */
  close(): Promise<void>;
}

/**
 * Starts the embedded database on `folder`, which is made where it is missing. Nobody but this user reaches it: the
 * folder and the one that holds the socket have mode 0700, and there is no TCP port. The socket stands in a temporary
 * folder, because its path may not be longer than 107 bytes. Throws an AppError that names the folder.
 */
export const startEmbeddedDatabase = async (folder: string): Promise<EmbeddedDatabase> => {
  const lock = await claim(folder);
  const socketFolder = mkdtempSync(join(tmpdir(), 'push-jobs-db-'));
  const tidyUp = async (): Promise<void> => {
    rmSync(socketFolder, { recursive: true, force: true });
    await lock?.release();
  };
  try {
    const db = await PGlite.create(join(folder, 'postgres'));
    const server = new PGLiteSocketServer({
      db,
      path: join(socketFolder, `.s.PGSQL.${SOCKET_PORT}`),
      maxConnections: MOST_CONNECTIONS,
    });
    await server.start();
    return {
      connection: connectionTo(folder, socketFolder),
      close: async () => {
        await server.stop();
        await db.close();
        await tidyUp();
      },
    };
  } catch (thrown) {
    await tidyUp();
    throw new AppError(
      'embedded_database_failed',
      `cannot start the embedded database in ${folder}: ${messageOf(thrown)}. Is the disk full, or the folder ` +
        'from another version?',
    );
  }
};

/**
 * Claims the folder for this server; two on one would destroy the data. Undefined where the machine has no `flock`
 * program, as those have none that are not Linux: nobody looks there whether a second server was started.
 */
const claim = async (folder: string): Promise<RunLock | undefined> => {
  const file = join(folder, 'server.pid');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    const lock = await takeRunLock(file, 0o600);
    if (!lock.ok && lock.error.isHeld) throw inUse(folder, file);
    writeFileSync(file, `${process.pid}\n`);
    return lock.ok ? lock.value : undefined;
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    throw new AppError(
      'embedded_folder_unusable',
      `cannot use embedded_folder ${folder}: ${messageOf(thrown)}`,
    );
  }
};

const inUse = (folder: string, file: string): AppError => {
  const pid = readFileSync(file, 'utf8').trim(); // one that has just begun has not written it yet
  const owner = pid === '' ? 'another process' : `process ${pid}`;
  return new AppError(
    'database_in_use',
    `the embedded database in ${folder} is in use by ${owner}: stop that server first, or give each server a folder ` +
      'of its own',
  );
};

const connectionTo = (folder: string, socketFolder: string): Connection => ({
  target: { where: folder, database: 'postgres', user: 'postgres' },
  host: socketFolder,
  port: SOCKET_PORT,
  username: 'postgres',
  database: 'postgres',
});
