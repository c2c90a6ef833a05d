import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, messageOf } from '../lib/app-error.js';
import type { Connection } from './connection-options.js';
import { type FolderLock, lockFolder } from './folder-lock.js';

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
  const lock = claim(folder);
  const socketFolder = mkdtempSync(join(tmpdir(), 'push-jobs-db-'));
  const tidyUp = (): void => {
    rmSync(socketFolder, { recursive: true, force: true });
    lock.release();
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
        tidyUp();
      },
    };
  } catch (thrown) {
    tidyUp();
    throw new AppError(
      'embedded_database_failed',
      `cannot start the embedded database in ${folder}: ${messageOf(thrown)}. Is the disk full, or the folder ` +
        'from another version?',
    );
  }
};

const claim = (folder: string): FolderLock => {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    return lockFolder(folder);
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    throw new AppError(
      'embedded_folder_unusable',
      `cannot use embedded_folder ${folder}: ${messageOf(thrown)}`,
    );
  }
};

const connectionTo = (folder: string, socketFolder: string): Connection => ({
  target: { where: folder, database: 'postgres', user: 'postgres' },
  host: socketFolder,
  port: SOCKET_PORT,
  username: 'postgres',
  database: 'postgres',
});
