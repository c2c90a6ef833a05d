import { Injectable } from '@nestjs/common';
import { BatchWriter, type LateResult, type NodeDetails } from '../../persistence/batch-writer.port.js';
import { Database, DatabaseUnavailable, ifOwned } from '../../persistence/database.port.js';
import { JOB_ID } from '../../../shared/protocol/client-message.js';
import type { FeedEvent } from '../../../shared/protocol/feed-event.js';
import {
  JOB_STATUS_CODES,
  type JobStatus,
  NODE_STATUS_CODES,
  type NodeStatus,
  nodeStatusOf,
} from '../../../shared/protocol/job-status.js';
import type {
  FindOptions,
  JobFilter,
  JobPage,
  JobStore,
  NewJob,
  StoredJob,
  StoredJobWithNodes,
  StoredLiveJob,
  StoredLostJobNode,
} from '../job-store.port.js';
import { readJobPage } from './job-page.js';
import {
  JOB_COLUMNS,
  type JobRow,
  NODE_COLUMNS,
  NODE_TIME_COLUMNS,
  type NodeRow,
  type NodeTimesRow,
  type LateResultRow,
  toJobNode,
  toLateResult,
  toNodeTimes,
  toStoredJob,
} from './job-rows.js';
import { loadLiveJobs } from './load-live-jobs.js';
import { loadLostJobNodes } from './load-lost-job-nodes.js';

/** Inserts job, options, idempotency key and job nodes in one statement: one round trip, all or nothing. */
const CREATE = ifOwned(
  16,
  `clock AS (
    SELECT to_timestamp($8::float8 / 1000) AT TIME ZONE 'UTC' AS at FROM owned
  ), job AS (
    INSERT INTO jobs (id, org_id, command, status, run_timeout, last_updated_by, created_by, created_at, updated_at,
                      quorum, voting_deadline)
    SELECT $1, $2, $3, ${JOB_STATUS_CODES.voting}, $4, left($5, 32), $5, at, at, $6, to_timestamp($7::float8 / 1000)
    FROM clock
  ), options AS (
    INSERT INTO job_options (job_id, job_user, user_name, dir, env, capture, job_file)
    SELECT $1, left($9, 32), $9, $10, $11, $12, $13 FROM owned
  ), request AS (
    INSERT INTO job_requests (org_id, request, body_hash, job_id, created_at)
    SELECT $2, $15::bytea, $16::bytea, $1, to_timestamp($8::float8 / 1000) FROM owned WHERE $15 IS NOT NULL
  ), nodes AS (
    INSERT INTO job_nodes (job_id, org_id, node_name, status, created_at, updated_at)
    SELECT $1, $2, node, ${NODE_STATUS_CODES.new}, at, at FROM clock, unnest($14::text[]) AS node
  )`,
);

/** Parameters for char(32) columns have no type: a text would not use the index. */
const FIND = `
  SELECT ${JOB_COLUMNS}, j.quorum, coalesce(j.created_by, rtrim(j.last_updated_by), '') AS created_by, CASE WHEN $3::boolean THEN o.job_file END AS job_file
  FROM jobs j LEFT JOIN job_options o ON o.job_id = j.id WHERE j.id = $1 AND j.org_id = $2`;

const NODES = `
  SELECT ${NODE_COLUMNS}, ${NODE_TIME_COLUMNS}, n.late_result FROM job_nodes n WHERE n.job_id = $1 AND n.org_id = $2 ORDER BY n.node_name COLLATE "C"`;

/**
 * Releases the key of a job that was stored although its server could not know that: that job is `crashed`. The SELECT
 * sees the rows as they were before the DELETE, so it excludes these jobs.
 */
const RELEASE_KEY_OR_GET_START = `
  WITH released AS (
    DELETE FROM job_requests r USING jobs j
    WHERE r.org_id = $1 AND r.request = $2 AND j.id = r.job_id AND j.status = ${JOB_STATUS_CODES.crashed}
  )
  SELECT r.job_id, r.body_hash FROM job_requests r JOIN jobs j ON j.id = r.job_id
  WHERE r.org_id = $1 AND r.request = $2 AND j.status <> ${JOB_STATUS_CODES.crashed}`;

const NODE_STATUS =
  'SELECT n.status FROM job_nodes n WHERE n.job_id = $1 AND n.org_id = $2 AND n.node_name = $3';

/** The text column holds output that is valid text, byte for byte; the bytes column holds all other output. */
const OUTPUT = `
  SELECT CASE WHEN $4 = 'stdout' THEN coalesce(stdout_bytes, convert_to(stdout, 'UTF8'))
              ELSE coalesce(stderr_bytes, convert_to(stderr, 'UTF8')) END AS bytes
  FROM job_output WHERE node_name = $3 AND job_id = (SELECT id FROM jobs WHERE id = $1 AND org_id = $2)`;

interface FoundRow extends JobRow {
  readonly job_file: string | null;
  readonly quorum: number | null;
  readonly created_by: string;
}

/** Jobs in PostgreSQL; changes go through the batch writer. */
@Injectable()
export class PostgresJobStore implements JobStore {
  constructor(
    private readonly database: Database,
    private readonly writer: BatchWriter,
  ) {}

  async create(job: NewJob): Promise<void> {
    try {
      const parameters = [
        job.id,
        job.orgId,
        job.command,
        job.runTimeout,
        job.createdBy,
        job.quorum,
        job.votingDeadline,
        job.createdAt,
        job.user,
        job.dir,
        job.env === undefined ? undefined : JSON.stringify(job.env),
        job.capture,
        job.file,
        job.nodes,
        job.idempotency?.keyHash,
        job.idempotency?.bodyHash,
      ];
      await this.database.ownership.write(job.orgId, CREATE, parameters, 'create_job');
    } catch (thrown) {
      if (thrown instanceof DatabaseUnavailable && thrown.mayHaveRun) this.markAsCrashed(job);
      throw thrown;
    }
  }

  /** For a job that may be stored although the database has not confirmed it: no server may restore and run it. */
  private markAsCrashed({
    id: jobId,
    orgId,
    command,
    runTimeout,
    quorum,
    createdBy,
    createdAt,
  }: NewJob): void {
    const job = { jobId, orgId, command, runTimeout, quorum, createdBy, createdAt };
    this.writer.push({ kind: 'unconfirmed_job', ...job });
  }

  async releaseKeyOrGetStart(
    orgId: string,
    keyHash: Buffer,
  ): Promise<{ readonly jobId: string; readonly bodyHash: Buffer } | undefined> {
    const rows = await this.database.query(RELEASE_KEY_OR_GET_START, [orgId, keyHash]);
    const [row] = rows as { job_id: string; body_hash: Buffer }[];
    return row && { jobId: row.job_id.trimEnd(), bodyHash: row.body_hash };
  }

  async list(orgId: string): Promise<StoredJob[]> {
    return [...(await this.page(orgId, {})).jobs];
  }

  page(orgId: string, filter: JobFilter): Promise<JobPage> {
    return readJobPage(this.database, orgId, filter);
  }

  async find(
    orgId: string,
    id: string,
    { includeFile = false, details = false }: FindOptions = {},
  ): Promise<StoredJobWithNodes | undefined> {
    if (!JOB_ID.test(id)) return undefined;
    const [jobs, nodes] = await Promise.all([
      this.database.query(FIND, [id, orgId, includeFile]),
      this.database.query(NODES, [id, orgId]),
    ]);
    const [row] = jobs as FoundRow[];
    if (row === undefined) return undefined;
    const nodeRows = nodes as (NodeRow & NodeTimesRow & LateResultRow)[];
    return {
      ...toStoredJob(row),
      ...(row.job_file === null ? {} : { file: row.job_file }),
      ...(details ? { origin: { createdBy: row.created_by, quorum: row.quorum ?? 0 } } : {}),
      nodes: nodeRows.map((node) => ({
        ...toJobNode(node),
        ...(details ? { times: toNodeTimes(node), ...toLateResult(node) } : {}),
      })),
    };
  }

  async nodeStatus(orgId: string, jobId: string, node: string): Promise<NodeStatus | undefined> {
    if (!JOB_ID.test(jobId) || node.includes('\0')) return undefined;
    const [row] = (await this.database.query(NODE_STATUS, [jobId, orgId, node])) as { status: number }[];
    return row && nodeStatusOf(row.status);
  }

  async output(
    orgId: string,
    id: string,
    node: string,
    stream: 'stdout' | 'stderr',
  ): Promise<Buffer | undefined> {
    if (!JOB_ID.test(id) || node.includes('\0')) return undefined;
    const [row] = (await this.database.query(OUTPUT, [id, orgId, node, stream])) as { bytes: Buffer }[];
    return row?.bytes;
  }

  loadLive(): Promise<StoredLiveJob[]> {
    return loadLiveJobs(this.database);
  }

  saveNodeStatus(
    orgId: string,
    jobId: string,
    node: string,
    status: NodeStatus,
    at: number,
    details: NodeDetails = {},
  ): void {
    this.writer.push({
      kind: 'node_status',
      orgId,
      jobId,
      node,
      status,
      at,
      ...(status === 'ready' ? { readyAt: at } : {}),
      ...(status === 'running' ? { runningAt: at } : {}),
      ...details,
    });
  }

  loadLost(now: number): Promise<StoredLostJobNode[]> {
    return loadLostJobNodes(this.database, now);
  }

  saveLateResult(orgId: string, jobId: string, node: string, lateResult: LateResult): void {
    const at = lateResult.at;
    this.writer.push({ kind: 'node_status', orgId, jobId, node, status: 'crashed', at, lateResult });
  }

  saveJobStatus(
    orgId: string,
    jobId: string,
    status: JobStatus,
    at: number,
    deadlines: { readonly votingDeadline?: number; readonly runDeadline?: number } = {},
  ): void {
    this.writer.push({ kind: 'job_status', orgId, jobId, status, at, ...deadlines });
  }

  saveOutput(orgId: string, jobId: string, node: string, stdout: Buffer, stderr: Buffer): void {
    this.writer.push({ kind: 'output', orgId, jobId, node, stdout, stderr });
  }

  saveEvents(orgId: string, jobId: string, firstSeq: number, events: readonly FeedEvent[]): void {
    if (events.length > 0) this.writer.push({ kind: 'job_events', orgId, jobId, firstSeq, events });
  }

  deleteEvents(orgId: string, jobId: string): void {
    this.writer.push({ kind: 'delete_events', orgId, jobId });
  }

  flushed(): Promise<void> {
    return this.writer.flush();
  }

  get overloaded(): boolean {
    return this.writer.overloaded;
  }
}
