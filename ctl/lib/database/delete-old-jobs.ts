import { JOB_STATUS_CODES } from '../../../src/shared/protocol/job-status.js';
import type { DatabaseConnection } from './database-connection.js';

/** Jobs per statement; more would hold locks for long. */
const BATCH_SIZE = 500;

/** Statuses of jobs that have not ended. */
export const LIVE_STATUS_CODES = [JOB_STATUS_CODES.new, JOB_STATUS_CODES.voting, JOB_STATUS_CODES.running];

/** Deletes jobs that ended before this moment, with job nodes, options and output. Returns how many. */
export const deleteOldJobs = async (database: DatabaseConnection, before: Date): Promise<number> => {
  for (let total = 0; ;) {
    const deleted = await database.query(
      `DELETE FROM jobs WHERE id IN (
         SELECT id FROM jobs
         WHERE coalesce(updated_at, created_at) < $1::timestamptz AT TIME ZONE 'UTC' AND status <> ALL ($2)
         LIMIT ${BATCH_SIZE})
       RETURNING id`,
      [before.toISOString(), LIVE_STATUS_CODES],
    );
    total += deleted.length;
    if (deleted.length < BATCH_SIZE) return total;
  }
};
