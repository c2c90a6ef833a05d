import { isUtf8 } from 'node:buffer';
import { JOB_STATUS_CODES, LIVE_JOB_STATUSES, NODE_STATUS_CODES } from '../../shared/protocol/job-status.js';
import type {
  ForgetEventsWrite,
  JobEventsWrite,
  JobStatusWrite,
  NodeSeenWrite,
  NodeStatusWrite,
  OrgEventWrite,
  OutputWrite,
  UnansweredJobWrite,
  Write,
} from './batch-writer.port.js';

/** One statement, under a name: PostgreSQL keeps its plan. It takes 63 letters at most; all kinds together stay below. */
export interface Statement {
  readonly name: string;
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** A column of the rows that a statement is about: its type, and what of a write stands in it. */
type Column<Row> = readonly [name: string, type: string, valueOf: (row: Row) => unknown];

/** What is left to say of a statement when its rows are given: they are the relation `u`. */
interface Kind<Row> {
  readonly name: string;
  readonly columns: readonly Column<Row>[];
  /** Makes the statement from the text that stands for `u`. */
  readonly sql: (u: string) => string;
}

/** The rows of one kind in a batch. */
interface Part {
  readonly kind: Kind<Write>;
  readonly rows: readonly Write[];
}

/** One row stands in the statement by itself, many do as arrays. */
const nameOf = ({ kind, rows }: Part): string => (rows.length === 1 ? kind.name : `${kind.name}*`);

const parametersOf = ({ kind: { columns }, rows }: Part): unknown[] => {
  const [only] = rows;
  return rows.length === 1 && only !== undefined
    ? columns.map(([, , valueOf]) => valueOf(only))
    : [...columns.map(([, , valueOf]) => rows.map(valueOf)), rows.length];
};

/**
 * The text of a statement for rows of one kind, with its parameters counted from `first` on. That for one row has a text of
 * its own. That for many is limited to as many as they are: a plan that is kept takes a limit that it does not know for a
 * small one, so PostgreSQL finds each row by an index. Else it would, for tables that were small when it planned, read them
 * from end to end, and go on like that when they have grown.
 */
const textOf = ({ kind: { columns, sql }, rows }: Part, first: number): string => {
  if (rows.length === 1) {
    const values = columns.map(([column, type], at) => `$${first + at}::${type} AS ${column}`);
    return sql(`(SELECT ${values.join(', ')}) AS u`);
  }
  const arrays = columns.map(([, type], at) => `$${first + at}::${type}[]`);
  const names = columns.map(([column]) => column);
  const limit = `$${first + columns.length}::int`;
  return sql(
    `(SELECT * FROM unnest(${arrays.join(', ')}) AS given (${names.join(', ')}) LIMIT ${limit}) AS u`,
  );
};

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
const NODE_STATUSES: Kind<NodeStatusWrite> = {
  name: 'nodes',
  columns: [
    ['job_id', 'bpchar', ({ jobId }) => jobId],
    ['org_id', 'bpchar', ({ orgId }) => orgId],
    ['node_name', 'text', ({ node }) => node],
    ['status', 'int', ({ status }) => NODE_STATUS_CODES[status]],
    ['at', 'float8', ({ at }) => at],
    ['exit_code', 'bigint', ({ exitCode }) => exitCode],
    ['signal', 'text', ({ signal }) => asDetail(signal)],
    ['duration_ms', 'bigint', ({ durationMs }) => asDuration(durationMs)],
    ['reason', 'text', ({ reason }) => asDetail(reason)],
    ['ready_at', 'float8', ({ readyAt }) => readyAt],
    ['running_at', 'float8', ({ runningAt }) => runningAt],
  ],
  sql: (u) => `UPDATE job_nodes n
    SET status = u.status, updated_at = ${utc('u.at')},
        exit_code = coalesce(u.exit_code, n.exit_code), signal = coalesce(u.signal, n.signal),
        duration_ms = coalesce(u.duration_ms, n.duration_ms), reason = coalesce(u.reason, n.reason),
        ready_at = coalesce(to_timestamp(u.ready_at / 1000.0), n.ready_at),
        running_at = coalesce(to_timestamp(u.running_at / 1000.0), n.running_at)
    FROM ${u}
    WHERE n.job_id = u.job_id AND n.org_id = u.org_id AND n.node_name = u.node_name
      AND (n.status IN (${liveNodeCodes}) OR n.status = u.status)`,
};

const JOB_STATUSES: Kind<JobStatusWrite> = {
  name: 'jobs',
  columns: [
    ['id', 'bpchar', ({ jobId }) => jobId],
    ['status', 'int', ({ status }) => JOB_STATUS_CODES[status]],
    ['at', 'float8', ({ at }) => at],
    ['voting_deadline', 'float8', ({ votingDeadline }) => votingDeadline],
    ['run_deadline', 'float8', ({ runDeadline }) => runDeadline],
  ],
  sql: (u) => `UPDATE jobs j
    SET status = u.status, updated_at = ${utc('u.at')},
        voting_deadline = coalesce(to_timestamp(u.voting_deadline / 1000.0), j.voting_deadline),
        run_deadline = coalesce(to_timestamp(u.run_deadline / 1000.0), j.run_deadline)
    FROM ${u}
    WHERE j.id = u.id AND (j.status IN (${liveJobCodes}) OR j.status = u.status)`,
};

/**
 * Cannot miss the job: where the statement that stores it is still under way, this one waits for it; where that one comes
 * later, it fails for the row that stands there.
 */
const UNANSWERED_JOBS: Kind<UnansweredJobWrite> = {
  name: 'lost',
  columns: [
    ['id', 'bpchar', ({ jobId }) => jobId],
    ['org_id', 'bpchar', ({ orgId }) => orgId],
    ['command', 'text', ({ command }) => command],
    ['run_timeout', 'int', ({ runTimeout }) => runTimeout],
    ['quorum', 'int', ({ quorum }) => quorum],
    ['created_by', 'text', ({ createdBy }) => createdBy],
    ['at', 'float8', ({ createdAt }) => createdAt],
  ],
  sql: (
    u,
  ) => `INSERT INTO jobs AS j (id, org_id, command, status, run_timeout, quorum, last_updated_by, created_by,
                      created_at, updated_at)
    SELECT id, org_id, command, ${JOB_STATUS_CODES.crashed}, run_timeout, quorum, left(created_by, 32), created_by,
           ${utc('at')}, ${utc('at')}
    FROM ${u}
    ON CONFLICT (id) DO UPDATE SET status = excluded.status WHERE j.status IN (${liveJobCodes})`,
};

/** Whether the bytes can stand in a `text` column and come back the same. */
const isText = (bytes: Buffer): boolean => isUtf8(bytes) && !bytes.includes(0);

/** For programs that read the text column only: what can be shown of the bytes. */
const asText = (bytes: Buffer): string => bytes.toString('utf8').replaceAll('\0', '');

const OUTPUTS: Kind<OutputWrite> = {
  name: 'outputs',
  columns: [
    ['job_id', 'bpchar', ({ jobId }) => jobId],
    ['node_name', 'text', ({ node }) => node],
    ['stdout', 'text', ({ stdout }) => asText(stdout)],
    ['stderr', 'text', ({ stderr }) => asText(stderr)],
    ['stdout_bytes', 'bytea', ({ stdout }) => (isText(stdout) ? undefined : stdout)],
    ['stderr_bytes', 'bytea', ({ stderr }) => (isText(stderr) ? undefined : stderr)],
  ],
  sql: (u) => `INSERT INTO job_output (job_id, node_name, stdout, stderr, stdout_bytes, stderr_bytes)
    SELECT * FROM ${u}
    ON CONFLICT (job_id, node_name) DO UPDATE
      SET stdout = excluded.stdout, stderr = excluded.stderr,
          stdout_bytes = excluded.stdout_bytes, stderr_bytes = excluded.stderr_bytes`,
};

const JOB_EVENTS: Kind<JobEventsWrite> = {
  name: 'events',
  columns: [
    ['job_id', 'bpchar', ({ jobId }) => jobId],
    ['first_seq', 'int', ({ firstSeq }) => firstSeq],
    ['events', 'json', ({ events }) => JSON.stringify(events)],
  ],
  sql: (u) => `INSERT INTO job_events (job_id, first_seq, events)
    SELECT * FROM ${u}
    ON CONFLICT (job_id, first_seq) DO NOTHING`,
};

const FORGOTTEN_EVENTS: Kind<ForgetEventsWrite> = {
  name: 'forget',
  columns: [['job_id', 'bpchar', ({ jobId }) => jobId]],
  sql: (u) => `DELETE FROM job_events e USING ${u} WHERE e.job_id = u.job_id`,
};

const ORG_EVENTS: Kind<OrgEventWrite> = {
  name: 'org',
  columns: [
    ['org_id', 'bpchar', ({ orgId }) => orgId],
    ['seq', 'bigint', ({ seq }) => seq],
    ['at', 'float8', ({ at }) => at],
    ['name', 'text', ({ event }) => event.name],
    ['data', 'json', ({ event }) => event.data],
  ],
  sql: (u) => `INSERT INTO org_events (org_id, seq, at, name, data)
    SELECT org_id, seq, to_timestamp(at / 1000.0), name, data FROM ${u}
    ON CONFLICT (org_id, seq) DO NOTHING`,
};

const SEEN_NODES: Kind<NodeSeenWrite> = {
  name: 'seen',
  columns: [
    ['org_id', 'bpchar', ({ orgId }) => orgId],
    ['node_name', 'text', ({ node }) => node],
    ['incarnation_id', 'text', ({ incarnation }) => asDetail(incarnation)],
    ['at', 'float8', ({ at }) => at],
  ],
  sql: (u) => `INSERT INTO nodes (org_id, node_name, incarnation_id, heard_at)
    SELECT org_id, node_name, incarnation_id, to_timestamp(at / 1000.0) FROM ${u}
    ON CONFLICT (org_id, node_name) DO UPDATE
      SET incarnation_id = excluded.incarnation_id, heard_at = excluded.heard_at`,
};

/** Every kind of write with the statement for it, in the order in which they stand in a batch's. */
const KINDS = {
  node_status: NODE_STATUSES,
  output: OUTPUTS,
  job_events: JOB_EVENTS,
  job_status: JOB_STATUSES,
  org_event: ORG_EVENTS,
  node_seen: SEEN_NODES,
  forget_events: FORGOTTEN_EVENTS,
  unanswered_job: UNANSWERED_JOBS,
} satisfies { readonly [K in Write['kind']]: Kind<Extract<Write, { kind: K }>> };

const KIND_NAMES = Object.keys(KINDS) as Write['kind'][];

const partsOf = (writes: readonly Write[]): Part[] =>
  KIND_NAMES.flatMap((name) => {
    const rows = writes.filter(({ kind }) => kind === name);
    return rows.length === 0 ? [] : [{ kind: KINDS[name] as Kind<Write>, rows }];
  });

const joined = (parts: readonly Part[]): string => {
  const texts: string[] = [];
  let first = 1;
  for (const part of parts) {
    texts.push(textOf(part, first));
    first += part.kind.columns.length + (part.rows.length === 1 ? 0 : 1);
  }
  const [only] = texts;
  if (texts.length === 1 && only !== undefined) return only;
  return `WITH ${texts.map((sql, at) => `part_${at} AS (${sql})`).join(', ')} SELECT 1`;
};

/** The texts that were needed so far, by name: a kind stands in a name in two ways or not at all, so 6,560 at the most. */
const texts = new Map<string, string>();

/**
 * The statement that stores these writes, all or none of them; undefined where there is none. One way to the database and
 * back, and a transaction by itself. No part of it sees what another one does, so no two writes may be about the same
 * row. It may be run again without harm.
 */
export const statementFor = (writes: readonly Write[]): Statement | undefined => {
  const parts = partsOf(writes);
  if (parts.length === 0) return undefined;
  const name = parts.map(nameOf).join('+');
  const known = texts.get(name);
  const sql = known ?? joined(parts);
  if (known === undefined) texts.set(name, sql);
  return { name, sql, parameters: parts.flatMap(parametersOf) };
};
