import { isUtf8 } from 'node:buffer';
import { JOB_STATUS_CODES, LIVE_JOB_STATUSES, NODE_STATUS_CODES } from '../protocol/job-status.js';
import type {
  ForgetEventsWrite,
  JobEventsWrite,
  JobStatusWrite,
  NodeSeenWrite,
  NodeStatusWrite,
  OrgEventWrite,
  OutputWrite,
  Write,
} from './batch-writer.port.js';

/** One statement for many rows: each parameter is an array with a member per row. */
export interface Statement {
  /** PostgreSQL takes 63 letters at most; all kinds together must stay below. */
  readonly name: string;
  readonly sql: string;
  readonly parameters: readonly (readonly unknown[])[];
}

const liveJobCodes = LIVE_JOB_STATUSES.map((status) => JOB_STATUS_CODES[status]).join(', ');
const liveNodeCodes = [NODE_STATUS_CODES.new, NODE_STATUS_CODES.ready, NODE_STATUS_CODES.running].join(', ');

/** Times come as milliseconds; the old columns are `timestamp` in UTC whatever the session's zone is. */
const utc = (column: string): string => `to_timestamp(${column} / 1000.0) AT TIME ZONE 'UTC'`;

/** What a client tells in words may have in it what no `text` can hold; the status that it goes with must not be lost. */
const asDetail = (text: string | undefined): string | undefined => text?.replaceAll('\0', '');

const asDuration = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.min(Math.round(ms), Number.MAX_SAFE_INTEGER);

/**
 * A status changes only while it is not terminal, whoever writes. Ids are compared as bpchar, or else no index on a
 * char(32) column would serve.
 */
const nodeStatuses = (rows: readonly NodeStatusWrite[]): Statement => ({
  name: 'nodes',
  sql: `UPDATE job_nodes n
    SET status = u.status, updated_at = ${utc('u.at')},
        exit_code = coalesce(u.exit_code, n.exit_code), signal = coalesce(u.signal, n.signal),
        duration_ms = coalesce(u.duration_ms, n.duration_ms), reason = coalesce(u.reason, n.reason),
        ready_at = coalesce(to_timestamp(u.ready_at / 1000.0), n.ready_at),
        running_at = coalesce(to_timestamp(u.running_at / 1000.0), n.running_at)
    FROM unnest($1::bpchar[], $2::bpchar[], $3::text[], $4::int[], $5::float8[], $6::bigint[], $7::text[],
                $8::bigint[], $9::text[], $10::float8[], $11::float8[])
      AS u (job_id, org_id, node_name, status, at, exit_code, signal, duration_ms, reason, ready_at, running_at)
    WHERE n.job_id = u.job_id AND n.org_id = u.org_id AND n.node_name = u.node_name
      AND (n.status IN (${liveNodeCodes}) OR n.status = u.status)`,
  parameters: [
    rows.map(({ jobId }) => jobId),
    rows.map(({ orgId }) => orgId),
    rows.map(({ node }) => node),
    rows.map(({ status }) => NODE_STATUS_CODES[status]),
    rows.map(({ at }) => at),
    rows.map(({ exitCode }) => exitCode),
    rows.map(({ signal }) => asDetail(signal)),
    rows.map(({ durationMs }) => asDuration(durationMs)),
    rows.map(({ reason }) => asDetail(reason)),
    rows.map(({ readyAt }) => readyAt),
    rows.map(({ runningAt }) => runningAt),
  ],
});

const jobStatuses = (rows: readonly JobStatusWrite[]): Statement => ({
  name: 'jobs',
  sql: `UPDATE jobs j
    SET status = u.status, updated_at = ${utc('u.at')},
        voting_deadline = coalesce(to_timestamp(u.voting_deadline / 1000.0), j.voting_deadline),
        run_deadline = coalesce(to_timestamp(u.run_deadline / 1000.0), j.run_deadline)
    FROM unnest($1::bpchar[], $2::int[], $3::float8[], $4::float8[], $5::float8[])
      AS u (id, status, at, voting_deadline, run_deadline)
    WHERE j.id = u.id AND (j.status IN (${liveJobCodes}) OR j.status = u.status)`,
  parameters: [
    rows.map(({ jobId }) => jobId),
    rows.map(({ status }) => JOB_STATUS_CODES[status]),
    rows.map(({ at }) => at),
    rows.map(({ votingDeadline }) => votingDeadline),
    rows.map(({ runDeadline }) => runDeadline),
  ],
});

/** Whether the bytes can stand in a `text` column and come back the same. */
const isText = (bytes: Buffer): boolean => isUtf8(bytes) && !bytes.includes(0);

/** For programs that read the text column only: what can be shown of the bytes. */
const asText = (bytes: Buffer): string => bytes.toString('utf8').replaceAll('\0', '');

const outputs = (rows: readonly OutputWrite[]): Statement => ({
  name: 'outputs',
  sql: `INSERT INTO job_output (job_id, node_name, stdout, stderr, stdout_bytes, stderr_bytes)
    SELECT * FROM unnest($1::bpchar[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[])
    ON CONFLICT (job_id, node_name) DO UPDATE
      SET stdout = excluded.stdout, stderr = excluded.stderr,
          stdout_bytes = excluded.stdout_bytes, stderr_bytes = excluded.stderr_bytes`,
  parameters: [
    rows.map(({ jobId }) => jobId),
    rows.map(({ node }) => node),
    rows.map(({ stdout }) => asText(stdout)),
    rows.map(({ stderr }) => asText(stderr)),
    rows.map(({ stdout }) => (isText(stdout) ? undefined : stdout)),
    rows.map(({ stderr }) => (isText(stderr) ? undefined : stderr)),
  ],
});

const jobEvents = (rows: readonly JobEventsWrite[]): Statement => ({
  name: 'events',
  sql: `INSERT INTO job_events (job_id, first_seq, events)
    SELECT * FROM unnest($1::bpchar[], $2::int[], $3::json[])
    ON CONFLICT (job_id, first_seq) DO NOTHING`,
  parameters: [
    rows.map(({ jobId }) => jobId),
    rows.map(({ firstSeq }) => firstSeq),
    rows.map(({ events }) => JSON.stringify(events)),
  ],
});

const forgottenEvents = (rows: readonly ForgetEventsWrite[]): Statement => ({
  name: 'forget',
  sql: `DELETE FROM job_events WHERE job_id = ANY ($1::bpchar[])`,
  parameters: [rows.map(({ jobId }) => jobId)],
});

const orgEvents = (rows: readonly OrgEventWrite[]): Statement => ({
  name: 'org',
  sql: `INSERT INTO org_events (org_id, seq, at, name, data)
    SELECT org_id, seq, to_timestamp(at / 1000.0), name, data
    FROM unnest($1::bpchar[], $2::bigint[], $3::float8[], $4::text[], $5::json[]) AS u (org_id, seq, at, name, data)
    ON CONFLICT (org_id, seq) DO NOTHING`,
  parameters: [
    rows.map(({ orgId }) => orgId),
    rows.map(({ seq }) => seq),
    rows.map(({ at }) => at),
    rows.map(({ event }) => event.name),
    rows.map(({ event }) => event.data),
  ],
});

const seenNodes = (rows: readonly NodeSeenWrite[]): Statement => ({
  name: 'seen',
  sql: `INSERT INTO nodes (org_id, node_name, incarnation_id)
    SELECT * FROM unnest($1::bpchar[], $2::text[], $3::text[])
    ON CONFLICT (org_id, node_name) DO UPDATE SET incarnation_id = excluded.incarnation_id`,
  parameters: [
    rows.map(({ orgId }) => orgId),
    rows.map(({ node }) => node),
    rows.map(({ incarnation }) => asDetail(incarnation)),
  ],
});

const ofKind = <Kind extends Write['kind']>(
  writes: readonly Write[],
  kind: Kind,
): readonly Extract<Write, { kind: Kind }>[] =>
  writes.filter((write): write is Extract<Write, { kind: Kind }> => write.kind === kind);

/** The statements that store these writes, at most one per kind; no two writes may be about the same row. */
const statementsFor = (writes: readonly Write[]): Statement[] =>
  [
    nodeStatuses(ofKind(writes, 'node_status')),
    outputs(ofKind(writes, 'output')),
    jobEvents(ofKind(writes, 'job_events')),
    jobStatuses(ofKind(writes, 'job_status')),
    orgEvents(ofKind(writes, 'org_event')),
    seenNodes(ofKind(writes, 'node_seen')),
    forgottenEvents(ofKind(writes, 'forget_events')),
  ].filter(({ parameters }) => parameters[0]?.length !== 0);

/** The same text with its parameters counted on from `before`. */
const renumbered = (sql: string, before: number): string =>
  sql.replace(/\$(\d+)/g, (_, number: string) => `$${Number(number) + before}`);

/**
 * One statement that does what several do: one way to the database and back, and a transaction by itself. None of them
 * sees what another one does, so they must be about different rows.
 */
const together = (statements: readonly Statement[]): Statement => {
  const parts: string[] = [];
  const parameters: Statement['parameters'][number][] = [];
  for (const statement of statements) {
    parts.push(`part_${parts.length} AS (${renumbered(statement.sql, parameters.length)})`);
    parameters.push(...statement.parameters);
  }
  return {
    name: statements.map(({ name }) => name).join('+'),
    sql: `WITH ${parts.join(', ')} SELECT 1`,
    parameters,
  };
};

/**
 * The statement that stores these writes, all or none of them; undefined where there is none. No two of them may be
 * about the same row. It may be run again without harm.
 */
export const statementFor = (writes: readonly Write[]): Statement | undefined => {
  const statements = statementsFor(writes);
  return statements.length > 1 ? together(statements) : statements[0];
};
