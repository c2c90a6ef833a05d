import { JOB_STATUS_CODES } from '../../../src/shared/protocol/job-status.js';
import type { Session } from './session.js';

/** Jobs of one statement, so that none holds locks for long. */
const BATCH = 500;

/** The statuses of jobs that have not ended. */
export const GOING_ON = [JOB_STATUS_CODES.new, JOB_STATUS_CODES.voting, JOB_STATUS_CODES.running];

/** Deletes jobs that ended before this moment, with nodes, options and output; hands back how many. */
export const deleteOldJobs = async (session: Session, before: Date): Promise<number> => {
  for (let total = 0; ;) {
    const deleted = await session.query(
      `DELETE FROM jobs WHERE id IN (
         SELECT id FROM jobs
         WHERE coalesce(updated_at, created_at) < $1::timestamptz AT TIME ZONE 'UTC' AND status <> ALL ($2)
         LIMIT ${BATCH})
       RETURNING id`,
      [before.toISOString(), GOING_ON],
    );
    total += deleted.length;
    if (deleted.length < BATCH) return total;
  }
};
