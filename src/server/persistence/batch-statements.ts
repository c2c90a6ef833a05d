import { isUtf8 } from 'node:buffer';
import { JOB_STATUS_CODES, LIVE_JOB_STATUSES, NODE_STATUS_CODES } from '../../shared/protocol/job-status.js';
import type {
  DeleteEventsWrite,
  JobEventsWrite,
  JobStatusWrite,
  LateResult,
  NodeSeenWrite,
  NodeStatusWrite,
  OrgEventWrite,
  OutputWrite,
  UnconfirmedJobWrite,
  Write,
} from './batch-writer.port.js';

/** A named statement, whose plan PostgreSQL keeps. A name has at most 63 characters; one with all kinds is shorter. */
export interface Statement {
  readonly name: string;
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** An organization, and the fencing token by which a server owns it. */
export interface OwnedOrg {
  readonly orgId: string;
  readonly fence: string;
}

type Row = Write | OwnedOrg;

/** A column of a statement's rows: its name, its type, and its value in a write. */
type Column<Row> = readonly [name: string, type: string, valueOf: (row: Row) => unknown];

/** The statement for one kind of write. Its rows are the relation `u`. */
interface Kind<Row> {
  readonly name: string;
  readonly columns: readonly Column<Row>[];
  /** Returns the statement; `u` is the SQL of the relation. */
  readonly sql: (u: string) => string;
}

/** The rows of one kind in a batch. */
interface KindRows {
  readonly kind: Kind<Row>;
  readonly rows: readonly Row[];
}

/** The statement for one row differs from that for many rows, so it has a name of its own. */
const nameOf = ({ kind, rows }: KindRows): string => (rows.length === 1 ? kind.name : `${kind.name}*`);

const parametersOf = ({ kind: { columns }, rows }: KindRows): unknown[] => {
  const [only] = rows;
  return rows.length === 1 && only !== undefined
    ? columns.map(([, , valueOf]) => valueOf(only))
    : [...columns.map(([, , valueOf]) => rows.map(valueOf)), rows.length];
};

/**
 * Returns the SQL for the rows of one kind that meet a condition, with parameters numbered from `first` on. One row is
 * passed as values, many rows as arrays. The LIMIT is the number of rows and changes no result: PostgreSQL assumes that
 * an unknown limit is small, so its kept plan finds each row by an index. Without it a plan that was made while the
 * tables were small would scan them completely, even after they have grown.
 */
const sqlOf = ({ kind: { columns, sql }, rows }: KindRows, first: number, condition: string): string => {
  if (rows.length === 1) {
    const values = columns.map(([column, type], at) => `$${first + at}::${type} AS ${column}`);
    return sql(`(SELECT * FROM (SELECT ${values.join(', ')}) AS given ${condition}) AS u`);
  }
  const arrays = columns.map(([, type], at) => `$${first + at}::${type}[]`);
  const names = columns.map(([column]) => column);
  const limit = `$${first + columns.length}::int`;
  const given = `unnest(${arrays.join(', ')}) AS given (${names.join(', ')})`;
  return sql(`(SELECT * FROM ${given} ${condition} LIMIT ${limit}) AS u`);
};

/**
 * Locks the owners' rows, so that no other server becomes the owner before the batch is stored. A row that another server
 * has just changed has another fence, and is left out.
 */
const OWNED: Kind<OwnedOrg> = {
  name: 'own',
  columns: [
    ['org_id', 'bpchar', ({ orgId }) => orgId],
    ['fence', 'bigint', ({ fence }) => fence],
  ],
  sql: (u) =>
    `SELECT o.org_id FROM org_owners o JOIN ${u} ON o.org_id = u.org_id AND o.fence = u.fence FOR SHARE OF o`,
};

/** Each row has an `org_id`. Most batches are of one organization, whose rows need no look-up each. */
const ownedOnly = (orgs: number): string =>
  orgs === 1 ? 'WHERE EXISTS (SELECT FROM owned)' : 'WHERE given.org_id IN (SELECT owned.org_id FROM owned)';

const liveJobCodes = LIVE_JOB_STATUSES.map((status) => JOB_STATUS_CODES[status]).join(', ');
const liveNodeCodes = [NODE_STATUS_CODES.new, NODE_STATUS_CODES.ready, NODE_STATUS_CODES.running].join(', ');

/** Times are parameters in milliseconds; the old columns are `timestamp` in UTC, whatever the connection's time zone is. */
const utc = (column: string): string => `to_timestamp(${column} / 1000.0) AT TIME ZONE 'UTC'`;

/** Removes what no `text` column can store, so that text from a client never prevents its status from being stored. */
const asDetail = (text: string | undefined): string | undefined => text?.replaceAll('\0', '');

const asDuration = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.min(Math.round(ms), Number.MAX_SAFE_INTEGER);

/** A client chooses the signal's text; jsonb cannot store NUL. */
const asLateResult = ({ signal, exitCode, ...rest }: LateResult): string =>
  JSON.stringify({ ...rest, exit_code: exitCode, signal: asDetail(signal) });

/** A final status never changes. Ids are compared as bpchar, because an index on a char(32) column needs that. */
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
    ['lost_contact_at', 'float8', ({ lostContactAt }) => lostContactAt],
    ['late_result', 'jsonb', ({ lateResult }) => lateResult && asLateResult(lateResult)],
  ],
  sql: (u) => `UPDATE job_nodes n
    SET status = u.status,
        updated_at = CASE WHEN u.late_result IS NOT NULL AND u.status = n.status THEN n.updated_at ELSE ${utc('u.at')} END,
        exit_code = coalesce(u.exit_code, n.exit_code), signal = coalesce(u.signal, n.signal),
        duration_ms = coalesce(u.duration_ms, n.duration_ms), reason = coalesce(u.reason, n.reason),
        ready_at = coalesce(to_timestamp(u.ready_at / 1000.0), n.ready_at),
        running_at = coalesce(to_timestamp(u.running_at / 1000.0), n.running_at),
        lost_contact_at = coalesce(to_timestamp(u.lost_contact_at / 1000.0), n.lost_contact_at),
        late_result = coalesce(n.late_result, u.late_result)
    FROM ${u}
    WHERE n.job_id = u.job_id AND n.org_id = u.org_id AND n.node_name = u.node_name
      AND (n.status IN (${liveNodeCodes}) OR n.status = u.status)`,
};

const JOB_STATUSES: Kind<JobStatusWrite> = {
  name: 'jobs',
  columns: [
    ['id', 'bpchar', ({ jobId }) => jobId],
    ['org_id', 'bpchar', ({ orgId }) => orgId],
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
 * Stores the job as crashed in each order of events: if the statement that stores it is in progress, this one waits for
 * it; if that statement runs later, it fails because the row exists.
 */
const UNCONFIRMED_JOBS: Kind<UnconfirmedJobWrite> = {
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

/** Whether a `text` column can store the bytes without change. */
const isText = (bytes: Buffer): boolean => isUtf8(bytes) && !bytes.includes(0);

/** The bytes as text, for programs that read only the text columns. */
const asText = (bytes: Buffer): string => bytes.toString('utf8').replaceAll('\0', '');

const OUTPUTS: Kind<OutputWrite> = {
  name: 'outputs',
  columns: [
    ['job_id', 'bpchar', ({ jobId }) => jobId],
    ['org_id', 'bpchar', ({ orgId }) => orgId],
    ['node_name', 'text', ({ node }) => node],
    ['stdout', 'text', ({ stdout }) => asText(stdout)],
    ['stderr', 'text', ({ stderr }) => asText(stderr)],
    ['stdout_bytes', 'bytea', ({ stdout }) => (isText(stdout) ? undefined : stdout)],
    ['stderr_bytes', 'bytea', ({ stderr }) => (isText(stderr) ? undefined : stderr)],
  ],
  sql: (u) => `INSERT INTO job_output (job_id, node_name, stdout, stderr, stdout_bytes, stderr_bytes)
    SELECT job_id, node_name, stdout, stderr, stdout_bytes, stderr_bytes FROM ${u}
    ON CONFLICT (job_id, node_name) DO UPDATE
      SET stdout = excluded.stdout, stderr = excluded.stderr,
          stdout_bytes = excluded.stdout_bytes, stderr_bytes = excluded.stderr_bytes`,
};

const JOB_EVENTS: Kind<JobEventsWrite> = {
  name: 'events',
  columns: [
    ['job_id', 'bpchar', ({ jobId }) => jobId],
    ['org_id', 'bpchar', ({ orgId }) => orgId],
    ['first_seq', 'int', ({ firstSeq }) => firstSeq],
    ['events', 'json', ({ events }) => JSON.stringify(events)],
  ],
  sql: (u) => `INSERT INTO job_events (job_id, first_seq, events)
    SELECT job_id, first_seq, events FROM ${u}
    ON CONFLICT (job_id, first_seq) DO NOTHING`,
};

const DELETED_EVENTS: Kind<DeleteEventsWrite> = {
  name: 'forget',
  columns: [
    ['job_id', 'bpchar', ({ jobId }) => jobId],
    ['org_id', 'bpchar', ({ orgId }) => orgId],
  ],
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

/** The statements of all kinds, in their order in a batch. */
const KINDS = {
  node_status: NODE_STATUSES,
  output: OUTPUTS,
  job_events: JOB_EVENTS,
  job_status: JOB_STATUSES,
  org_event: ORG_EVENTS,
  node_seen: SEEN_NODES,
  delete_events: DELETED_EVENTS,
  unconfirmed_job: UNCONFIRMED_JOBS,
} satisfies { readonly [K in Write['kind']]: Kind<Extract<Write, { kind: K }>> };

const KIND_NAMES = Object.keys(KINDS) as Write['kind'][];

const groupByKind = (writes: readonly Write[]): KindRows[] =>
  KIND_NAMES.flatMap((name) => {
    const rows = writes.filter(({ kind }) => kind === name);
    return rows.length === 0 ? [] : [{ kind: KINDS[name] as Kind<Row>, rows }];
  });

const join = (owners: KindRows, groups: readonly KindRows[]): string => {
  const statements: string[] = [];
  let first = 1;
  for (const group of [owners, ...groups]) {
    statements.push(sqlOf(group, first, group === owners ? '' : ownedOnly(owners.rows.length)));
    first += group.kind.columns.length + (group.rows.length === 1 ? 0 : 1);
  }
  const named = statements.map((sql, at) =>
    at === 0 ? `owned AS MATERIALIZED (${sql})` : `change_${at} AS (${sql})`,
  );
  return `WITH ${named.join(', ')} SELECT count(*)::int AS owned FROM owned`;
};

/** The SQL of all statements so far, by name. A name contains each kind in one of two ways or not at all: at most 13,120. */
const sqlByName = new Map<string, string>();

/** Returns the organizations of these writes, in the order in which a take-over locks them. */
export const orgsOf = (writes: readonly Write[]): string[] =>
  [...new Set(writes.map(({ orgId }) => orgId))].sort();

/**
 * Returns one idempotent statement that stores all or none of these writes; undefined for no writes. It is a transaction
 * and one round trip. Its subqueries do not see each other's changes, so no two writes may concern the same row.
 *
 * `owned` are the organizations of `orgsOf`. Writes of those that another server owns by now are left out: the statement
 * returns how many were `owned`.
 */
export const statementFor = (writes: readonly Write[], owned: readonly OwnedOrg[]): Statement | undefined => {
  const groups = groupByKind(writes);
  if (groups.length === 0) return undefined;
  const owners: KindRows = { kind: OWNED as Kind<Row>, rows: owned };
  const all = [owners, ...groups];
  const name = all.map(nameOf).join('+');
  const known = sqlByName.get(name);
  const sql = known ?? join(owners, groups);
  if (known === undefined) sqlByName.set(name, sql);
  return { name, sql, parameters: all.flatMap(parametersOf) };
};
