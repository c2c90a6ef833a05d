import { Injectable } from '@nestjs/common';
import { Database } from '../../persistence/database.port.js';
import { JOB_STATUS_CODES, LIVE_JOB_STATUSES } from '../../../shared/protocol/job-status.js';
import type { HistoryStore, Retention } from './history-store.port.js';

/** How many jobs one query finds. */
const BATCH = 200;

/** Limits how long a statement takes and holds locks; only a single job may have more job nodes. */
const MAX_JOB_NODES_PER_DELETE = 10_000;

const DAY_MS = 86_400_000;

/** Finds each organization by an index lookup after the previous one, without reading the jobs in between. */
const ORGANIZATIONS = `
  WITH RECURSIVE orgs AS (
    (SELECT org_id FROM jobs ORDER BY org_id LIMIT 1)
    UNION ALL
    SELECT (SELECT j.org_id FROM jobs j WHERE j.org_id > orgs.org_id ORDER BY j.org_id LIMIT 1)
    FROM orgs WHERE orgs.org_id IS NOT NULL
  )
  SELECT org_id FROM orgs WHERE org_id IS NOT NULL`;

const liveCodes = LIVE_JOB_STATUSES.map((status) => JOB_STATUS_CODES[status]).join(', ');

/** Finds the oldest jobs that ended at least an hour ago and match the condition. */
const find = (condition: string): string => `
  SELECT j.id, (SELECT count(*)::int FROM job_nodes n WHERE n.job_id = j.id) AS node_count
  FROM jobs j
  WHERE j.org_id = $1 AND ${condition} AND j.status NOT IN (${liveCodes})
    AND j.updated_at < to_timestamp($3::float8 / 1000) AT TIME ZONE 'UTC' - interval '1 hour'
  ORDER BY j.created_at, j.id LIMIT ${BATCH}`;

interface FoundJob {
  readonly id: string;
  readonly node_count: number;
}

const FIND_OLD = find(`j.created_at < to_timestamp($2::float8 / 1000) AT TIME ZONE 'UTC'`);
const FIND_SURPLUS = find(`(j.created_at, j.id) <= (
      SELECT s.created_at, s.id FROM jobs s WHERE s.org_id = $1
      ORDER BY s.created_at DESC, s.id DESC OFFSET $2::bigint LIMIT 1)`);

const DELETE = `DELETE FROM jobs WHERE id = ANY ($1::bpchar[]) RETURNING id`;

const DELETE_IDEMPOTENCY_KEYS = `DELETE FROM job_requests WHERE created_at < to_timestamp($1::float8 / 1000)`;

/** Deletes jobs in PostgreSQL. Foreign keys delete the rows that belong to a job. */
@Injectable()
export class PostgresHistoryStore implements HistoryStore {
  constructor(private readonly database: Database) {}

  async organizations(): Promise<string[]> {
    const rows = (await this.database.query(ORGANIZATIONS)) as { org_id: string }[];
    return rows.map(({ org_id }) => org_id.trimEnd());
  }

  async prune(orgId: string, { days, jobs }: Retention, now: number, signal: AbortSignal): Promise<number> {
    let deleted = 0;
    if (days !== undefined)
      deleted += await this.deleteAll(FIND_OLD, [orgId, now - days * DAY_MS, now], signal);
    if (jobs !== undefined) deleted += await this.deleteAll(FIND_SURPLUS, [orgId, jobs, now], signal);
    return deleted;
  }

  async deleteIdempotencyKeys(before: number): Promise<void> {
    await this.database.query(DELETE_IDEMPOTENCY_KEYS, [before]);
  }

  private async deleteAll(sql: string, parameters: readonly unknown[], signal: AbortSignal): Promise<number> {
    let deleted = 0;
    for (let found = BATCH; found === BATCH;) {
      const jobs = (await this.database.query(sql, parameters)) as FoundJob[];
      for (const ids of groupForDeletion(jobs)) {
        if (signal.aborted) return deleted;
        deleted += (await this.database.query(DELETE, [ids])).length;
      }
      found = jobs.length;
    }
    return deleted;
  }
}

/** Groups the ids of jobs that one statement deletes. */
const groupForDeletion = (jobs: readonly FoundJob[]): string[][] => {
  const groups: string[][] = [];
  let room = 0;
  for (const { id, node_count: nodeCount } of jobs) {
    if (nodeCount > room || groups.length === 0) {
      groups.push([]);
      room = MAX_JOB_NODES_PER_DELETE;
    }
    groups.at(-1)?.push(id);
    room -= nodeCount;
  }
  return groups;
};
