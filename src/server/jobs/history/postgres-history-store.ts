import { Inject, Injectable } from '@nestjs/common';
import { DATABASE, type Database } from '../../persistence/database.port.js';
import { JOB_STATUS_CODES, LIVE_JOB_STATUSES } from '../../../shared/protocol/job-status.js';
import type { HistoryStore, Retention } from './history-store.port.js';

/** So many jobs are looked for at a time. */
const BATCH = 200;

/** Nodes' parts in jobs that go in one statement, but for a job with more: none takes long, or holds locks for long. */
const MOST_PARTS = 10_000;

const DAY_MS = 86_400_000;

/** Goes from one organization to the next by the index: it does not read the jobs in between. */
const ORGANIZATIONS = `
  WITH RECURSIVE orgs AS (
    (SELECT org_id FROM jobs ORDER BY org_id LIMIT 1)
    UNION ALL
    SELECT (SELECT j.org_id FROM jobs j WHERE j.org_id > orgs.org_id ORDER BY j.org_id LIMIT 1)
    FROM orgs WHERE orgs.org_id IS NOT NULL
  )
  SELECT org_id FROM orgs WHERE org_id IS NOT NULL`;

const liveCodes = LIVE_JOB_STATUSES.map((status) => JOB_STATUS_CODES[status]).join(', ');

/** The oldest jobs that ended an hour ago, and that are older than the time, or than the newest so many. */
const find = (which: string): string => `
  SELECT j.id, (SELECT count(*)::int FROM job_nodes n WHERE n.job_id = j.id) AS parts
  FROM jobs j
  WHERE j.org_id = $1 AND ${which} AND j.status NOT IN (${liveCodes})
    AND j.updated_at < to_timestamp($3::float8 / 1000) AT TIME ZONE 'UTC' - interval '1 hour'
  ORDER BY j.created_at, j.id LIMIT ${BATCH}`;

interface FoundJob {
  readonly id: string;
  readonly parts: number;
}

const FIND_OLD = find(`j.created_at < to_timestamp($2::float8 / 1000) AT TIME ZONE 'UTC'`);
const FIND_SURPLUS = find(`(j.created_at, j.id) <= (
      SELECT s.created_at, s.id FROM jobs s WHERE s.org_id = $1
      ORDER BY s.created_at DESC, s.id DESC OFFSET $2::bigint LIMIT 1)`);

const REMOVE = `DELETE FROM jobs WHERE id = ANY ($1::bpchar[]) RETURNING id`;

const FORGET_REQUESTS = `DELETE FROM job_requests WHERE created_at < to_timestamp($1::float8 / 1000)`;

/** Forgets jobs in PostgreSQL; what belongs to a job goes with it. */
@Injectable()
export class PostgresHistoryStore implements HistoryStore {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async organizations(): Promise<string[]> {
    const rows = (await this.database.query(ORGANIZATIONS)) as { org_id: string }[];
    return rows.map(({ org_id }) => org_id.trimEnd());
  }

  async prune(orgId: string, { days, jobs }: Retention, now: number, signal: AbortSignal): Promise<number> {
    let removed = 0;
    if (days !== undefined)
      removed += await this.removeAll(FIND_OLD, [orgId, now - days * DAY_MS, now], signal);
    if (jobs !== undefined) removed += await this.removeAll(FIND_SURPLUS, [orgId, jobs, now], signal);
    return removed;
  }

  async forgetRequests(before: number): Promise<void> {
    await this.database.query(FORGET_REQUESTS, [before]);
  }

  private async removeAll(sql: string, parameters: readonly unknown[], signal: AbortSignal): Promise<number> {
    let removed = 0;
    for (let found = BATCH; found === BATCH;) {
      const jobs = (await this.database.query(sql, parameters)) as FoundJob[];
      for (const ids of inStatements(jobs)) {
        if (signal.aborted) return removed;
        removed += (await this.database.query(REMOVE, [ids])).length;
      }
      found = jobs.length;
    }
    return removed;
  }
}

/** The ids of jobs as they are removed together. */
const inStatements = (jobs: readonly FoundJob[]): string[][] => {
  const statements: string[][] = [];
  let room = 0;
  for (const { id, parts } of jobs) {
    if (parts > room || statements.length === 0) {
      statements.push([]);
      room = MOST_PARTS;
    }
    statements.at(-1)?.push(id);
    room -= parts;
  }
  return statements;
};
