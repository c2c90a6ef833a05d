import { AppError } from '../../../src/shared/lib/app-error.js';
import type { Connection } from '../../../src/server/persistence/connection-options.js';
import type { CommandContext } from '../../command-context.js';
import { LIVE_STATUS_CODES } from '../database/delete-old-jobs.js';
import { type DatabaseMode, withDatabaseConnection } from '../database/database-connection.js';
import { SERVICE } from '../paths.js';
import { STATUS_CODE } from '../services/service-supervisor.js';
import type { Installation } from '../installation.js';

/** A server that runs jobs may take this long to stop. */
const STOP_SECONDS = 45;

/**
 * Stops an old server before the migrations take over its tables: later writes of it would be lost, or would let an
 * ended job run on. Returns a line per change, with the number of jobs that crash; in `read-only` mode, what it would
 * do. Returns nothing if there are no old tables. Throws an AppError if the server does not stop.
 */
export const stopOldServer = async (
  { context }: Installation,
  connection: Connection,
  mode: DatabaseMode,
): Promise<string[]> => {
  if (!(await hasOldTables(connection))) return [];
  const stopped = await stopService(context, mode);
  const live = await withDatabaseConnection(
    connection,
    (database) => database.query(LIVE_JOBS, [LIVE_STATUS_CODES]),
    'read-only',
  );
  const count = Number(live[0]?.count);
  return [...stopped, ...(count === 0 ? [] : [`marked its ${count} live jobs as crashed`])];
};

const stopService = async (context: CommandContext, mode: DatabaseMode): Promise<string[]> => {
  const supervisor = context.findSupervisor();
  if (supervisor === undefined || (await supervisor.status()).code !== STATUS_CODE.running) return [];
  const done = ['stopped the old server, which uses these tables: reconfigure starts the new one'];
  if (mode === 'read-only') return done;
  const { code, text } = await supervisor.control('stop', STOP_SECONDS);
  if (code === 0) return done;
  throw new AppError(
    'old_server_runs',
    `cannot stop the old server (${text}); its tables cannot be taken over while it writes to them: stop ${SERVICE}, ` +
      'and run this again',
  );
};

const hasOldTables = async (connection: Connection): Promise<boolean> => {
  const [row] = await withDatabaseConnection(
    connection,
    (database) => database.query(OLD_TABLES),
    'read-only',
  );
  return row?.old === true;
};

/** Whether there are tables that none of our migrations has seen. */
const OLD_TABLES = `SELECT to_regclass('jobs') IS NOT NULL AND to_regclass('migrations') IS NULL AS old`;

const LIVE_JOBS = 'SELECT count(*)::int AS count FROM jobs WHERE status = ANY ($1)';
