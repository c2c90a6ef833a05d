import type { Database } from '../../persistence/database.port.js';
import type { FeedEvent } from '../../../shared/protocol/feed-event.js';
import { JOB_STATUS_CODES, LIVE_JOB_STATUSES } from '../../../shared/protocol/job-status.js';
import type { JobNode, StoredLiveJob } from '../job-store.port.js';
import { JOB_COLUMNS, type JobRow, NODE_COLUMNS, type NodeRow, toJobNode, toStoredJob } from './job-rows.js';

const liveCodes = LIVE_JOB_STATUSES.map((status) => JOB_STATUS_CODES[status]).join(', ');

/** UNION joins two index lookups; with OR, PostgreSQL would read all jobs. */
const JOBS = `
  SELECT ${JOB_COLUMNS}, j.org_id, j.quorum, coalesce(j.created_by, j.last_updated_by::text, '') AS created_by,
    (extract(epoch FROM j.voting_deadline) * 1000)::float8 AS voting_deadline,
    (extract(epoch FROM j.run_deadline) * 1000)::float8 AS run_deadline,
    o.job_file
  FROM jobs j LEFT JOIN job_options o ON o.job_id = j.id
  WHERE j.id IN (SELECT id FROM jobs WHERE status IN (${liveCodes}) UNION SELECT job_id FROM job_events)
  ORDER BY j.created_at, j.id`;

const NODES = `
  SELECT n.job_id, ${NODE_COLUMNS} FROM job_nodes n
  WHERE n.job_id = ANY ($1::bpchar[]) ORDER BY n.node_name COLLATE "C"`;

const EVENTS = `
  SELECT job_id, events FROM job_events WHERE job_id = ANY ($1::bpchar[]) ORDER BY job_id, first_seq`;

interface LiveJobRow extends JobRow {
  readonly org_id: string;
  readonly quorum: number;
  readonly created_by: string;
  readonly voting_deadline: number | null;
  readonly run_deadline: number | null;
  readonly job_file: string | null;
}

/** Reads all jobs that have not ended or whose events are not deleted, oldest first. */
export const loadLiveJobs = (database: Database): Promise<StoredLiveJob[]> =>
  database.transaction(async (query) => {
    const jobs = (await query(JOBS)) as LiveJobRow[];
    const ids = jobs.map(({ id }) => id);
    const nodes = groupByJob(
      (await query(NODES, [ids])) as (NodeRow & { job_id: string })[],
      (row): JobNode[] => [toJobNode(row)],
    );
    const events = groupByJob(
      (await query(EVENTS, [ids])) as { job_id: string; events: FeedEvent[] }[],
      (row) => row.events,
    );
    return jobs.map((row) => toStoredLiveJob(row, nodes.get(row.id) ?? [], events.get(row.id) ?? []));
  });

/** Groups the items of rows by job id; the ids keep the blanks that char(32) adds. */
const groupByJob = <Row extends { readonly job_id: string }, Item>(
  rows: readonly Row[],
  itemsOf: (row: Row) => readonly Item[],
): ReadonlyMap<string, Item[]> => {
  const byJob = new Map<string, Item[]>();
  for (const row of rows) {
    const items = byJob.get(row.job_id) ?? [];
    for (const item of itemsOf(row)) items.push(item);
    byJob.set(row.job_id, items);
  }
  return byJob;
};

const toStoredLiveJob = (
  row: LiveJobRow,
  nodes: readonly JobNode[],
  events: readonly FeedEvent[],
): StoredLiveJob => ({
  ...toStoredJob(row),
  orgId: row.org_id.trimEnd(),
  quorum: row.quorum,
  createdBy: row.created_by,
  ...(row.voting_deadline === null ? {} : { votingDeadline: Math.round(row.voting_deadline) }),
  ...(row.run_deadline === null ? {} : { runDeadline: Math.round(row.run_deadline) }),
  ...(row.job_file === null ? {} : { file: row.job_file }),
  nodes,
  events,
});
