import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { type RunLock, acquireRunLock } from '../../shared/platform/run-lock.js';
import type { Connection } from './connection-options.js';

/** The driver connects to the socket `FOLDER/.s.PGSQL.5432`. */
const SOCKET_PORT = 5432;

/** Our pool needs one connection, and some more while broken ones are being closed. */
const MAX_CONNECTIONS = 4;

/** A PostgreSQL inside this process, with its data in a folder, to try the product without a database server. */
export interface EmbeddedDatabase {
  readonly connection: Connection;
  /** Stops the database and unlocks the folder. Close the connections first. */
  close(): Promise<void>;
}

/**
 * Starts the embedded database in `folder` and creates the folder if it is missing. Only this user can connect: the folder
 * and that of the socket have mode 0700, and there is no TCP port. The socket is in a temporary folder, because its path
 * may have at most 107 bytes. Throws an AppError that names the folder.
 */
export const startEmbeddedDatabase = async (folder: string): Promise<EmbeddedDatabase> => {
  const lock = await lockFolder(folder);
  const socketFolder = mkdtempSync(join(tmpdir(), 'push-jobs-db-'));
  const cleanUp = async (): Promise<void> => {
    rmSync(socketFolder, { recursive: true, force: true });
    await lock?.release();
  };
  try {
    const db = await PGlite.create(join(folder, 'postgres'));
    const server = new PGLiteSocketServer({
      db,
      path: join(socketFolder, `.s.PGSQL.${SOCKET_PORT}`),
      maxConnections: MAX_CONNECTIONS,
    });
    await server.start();
    return {
      connection: connectionTo(folder, socketFolder),
      close: async () => {
        await server.stop();
        await db.close();
        await cleanUp();
      },
    };
  } catch (thrown) {
    await cleanUp();
    throw new AppError(
      'embedded_database_failed',
      `cannot start the embedded database in ${folder}: ${messageOf(thrown)}. Is the disk full, or the folder ` +
        'from another version?',
    );
  }
};

/**
 * Locks the folder for this server, because two servers on one folder would destroy the data. Returns undefined if the
 * machine has no `flock` program (it is not Linux); a second server is not detected then.
 */
const lockFolder = async (folder: string): Promise<RunLock | undefined> => {
  const file = join(folder, 'server.pid');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    const lock = await acquireRunLock(file, 0o600);
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
  const pid = readFileSync(file, 'utf8').trim(); // a process that has just started has not written it yet
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
