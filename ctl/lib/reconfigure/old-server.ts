import { AppError } from '../../../src/shared/lib/app-error.js';
import type { Connection } from '../../../src/server/persistence/connection-options.js';
import type { CommandContext } from '../../command-context.js';
import { GOING_ON } from '../database/delete-old-jobs.js';
import { type Mode, withSession } from '../database/session.js';
import { SERVICE } from '../paths.js';
import { STATUS_CODE } from '../services/supervisor.js';
import type { Installation } from '../installation.js';

/** A server that runs jobs may take that long to stop. */
const STOP_SECONDS = 45;

/**
 * Stops an old server whose tables are about to be taken over: what it wrote to them afterwards would be lost or worse,
 * a job that has ended could go on. Says so, and how many jobs end by that (in the mode `look`: would); nothing where
 * the tables are ours already, or where there are none. Throws an AppError where it does not stop.
 */
export const retireOldServer = async (
  { context }: Installation,
  connection: Connection,
  mode: Mode,
): Promise<string[]> => {
  if (!(await hasOldTables(connection))) return [];
  const stopped = await stopService(context, mode);
  const live = await withSession(connection, (session) => session.query(LIVE_JOBS, [GOING_ON]), 'look');
  const count = Number(live[0]?.count);
  return [...stopped, ...(count === 0 ? [] : [`called the ${count} jobs crashed that it had going on`])];
};

const stopService = async (context: CommandContext, mode: Mode): Promise<string[]> => {
  const supervisor = context.findSupervisor();
  if (supervisor === undefined || (await supervisor.status()).code !== STATUS_CODE.running) return [];
  const done = ['stopped the old server, whose tables these are: reconfigure starts the new one'];
  if (mode === 'look') return done;
  const { code, text } = await supervisor.act('stop', STOP_SECONDS);
  if (code === 0) return done;
  throw new AppError(
    'old_server_runs',
    `the old server could not be stopped (${text}), and its tables cannot be taken over while it writes to them: end ` +
      `${SERVICE}, and run this again`,
  );
};

const hasOldTables = async (connection: Connection): Promise<boolean> => {
  const [row] = await withSession(connection, (session) => session.query(OLD_TABLES), 'look');
  return row?.old === true;
};

/** Tables that no migration of ours has seen yet. */
const OLD_TABLES = `SELECT to_regclass('jobs') IS NOT NULL AND to_regclass('migrations') IS NULL AS old`;

const LIVE_JOBS = 'SELECT count(*)::int AS count FROM jobs WHERE status = ANY ($1)';
