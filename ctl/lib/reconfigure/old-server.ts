import { AppError } from '../../../src/lib/app-error.js';
import type { Connection } from '../../../src/persistence/connection-options.js';
import type { CommandContext } from '../../command-context.js';
import { withSession } from '../database/session.js';
import { SERVICE } from '../paths.js';
import { STATUS_CODE } from '../services/supervisor.js';

/** A server that runs jobs may take that long to stop. */
const STOP_SECONDS = 45;

/**
 * Stops an old server whose tables are about to be taken over: what it wrote to them afterwards would be lost or worse,
 * a job that has ended could go on. Says so; does nothing where the tables are ours already, or where there are none.
 * Throws an AppError where it does not stop.
 */
export const stopOldServer = async (context: CommandContext, connection: Connection): Promise<string[]> => {
  if (!(await hasOldTables(connection))) return [];
  const supervisor = context.findSupervisor();
  if (supervisor === undefined || (await supervisor.status()).code !== STATUS_CODE.running) return [];
  const { code, text } = await supervisor.act('stop', STOP_SECONDS);
  if (code === 0) return [`stopped the old server, whose tables these are: reconfigure starts the new one`];
  throw new AppError(
    'old_server_runs',
    `the old server could not be stopped (${text}), and its tables cannot be taken over while it writes to them: end ` +
      `${SERVICE}, and run this again`,
  );
};

const hasOldTables = async (connection: Connection): Promise<boolean> => {
  const [row] = await withSession(connection, (session) => session.query(OLD_TABLES));
  return row?.old === true;
};

/** Tables that no migration of ours has seen yet. */
const OLD_TABLES = `SELECT to_regclass('jobs') IS NOT NULL AND to_regclass('migrations') IS NULL AS old`;
