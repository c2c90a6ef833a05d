import { jobStatusOf, nodeStatusOf } from '../../../shared/protocol/job-status.js';
import type { JobNode, NodeTimes, StoredJob } from '../job-store.port.js';
import { omitUndefined } from '../../../shared/lib/omit-undefined.js';
import type { LateResult } from '../../persistence/batch-writer.port.js';
import { jsonOrUndefined } from '../../../shared/lib/json.js';

/** The columns of `jobs j` and `job_options o` for a StoredJob; times in milliseconds. */
export const JOB_COLUMNS = `
  j.id, j.command, j.status, j.run_timeout,
  (extract(epoch FROM j.created_at) * 1000)::float8 AS created_at,
  (extract(epoch FROM j.updated_at) * 1000)::float8 AS updated_at,
  coalesce(o.user_name, nullif(rtrim(o.job_user), '')) AS job_user, o.dir, o.env, coalesce(o.capture, false) AS capture,
  o.job_file IS NOT NULL AS file_specified`;

/** A row of JOB_COLUMNS. The old server leaves columns NULL. */
export interface JobRow {
  readonly id: string;
  readonly command: string | null;
  readonly status: number;
  readonly run_timeout: number | null;
  readonly created_at: number | null;
  readonly updated_at: number | null;
  readonly job_user: string | null;
  readonly dir: string | null;
  readonly env: string | null;
  readonly capture: boolean;
  readonly file_specified: boolean;
}

/** Converts a row; removes the blanks that char(32) adds. */
export const toStoredJob = (row: JobRow): StoredJob => {
  const env = parseEnv(row.env);
  return {
    id: row.id.trimEnd(),
    command: row.command ?? '',
    status: jobStatusOf(row.status),
    runTimeout: row.run_timeout ?? 0,
    createdAt: Math.floor(row.created_at ?? 0),
    updatedAt: Math.floor(row.updated_at ?? row.created_at ?? 0),
    ...(row.job_user === null ? {} : { user: row.job_user }),
    ...(row.dir === null ? {} : { dir: row.dir }),
    ...(env === undefined ? {} : { env }),
    capture: row.capture,
    fileSpecified: row.file_specified,
  };
};

/** Returns undefined if an old row holds anything but a JSON object. */
const parseEnv = (text: string | null): Record<string, string> | undefined => {
  if (text === null) return undefined;
  const json = jsonOrUndefined(text);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, String(value)]));
};

/** The columns of `job_nodes n` for a JobNode. */
export const NODE_COLUMNS = `n.node_name, n.status, n.exit_code::float8 AS exit_code, n.signal,
  n.duration_ms::float8 AS duration_ms, n.reason`;

/** A row of NODE_COLUMNS. */
export interface NodeRow {
  readonly node_name: string;
  readonly status: number;
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly duration_ms: number | null;
  readonly reason: string | null;
}

/** The columns of `job_nodes n` for NodeTimes, in milliseconds. */
export const NODE_TIME_COLUMNS = `
  (extract(epoch FROM n.ready_at) * 1000)::float8 AS ready_at,
  (extract(epoch FROM n.running_at) * 1000)::float8 AS running_at,
  (extract(epoch FROM n.updated_at) * 1000)::float8 AS updated_at`;

/** A row of NODE_TIME_COLUMNS. */
export interface NodeTimesRow {
  readonly ready_at: number | null;
  readonly running_at: number | null;
  readonly updated_at: number | null;
}

export const toNodeTimes = (row: NodeTimesRow): NodeTimes => ({
  ...(row.ready_at === null ? {} : { ready: Math.round(row.ready_at) }),
  ...(row.running_at === null ? {} : { running: Math.round(row.running_at) }),
  ...(row.updated_at === null ? {} : { updated: Math.floor(row.updated_at) }),
});

/** The column `late_result` of `job_nodes n`. */
export interface LateResultRow {
  readonly late_result: {
    readonly status: LateResult['status'];
    readonly at: number;
    readonly exit_code?: number;
    readonly signal?: string;
  } | null;
}

export const toLateResult = ({ late_result: late }: LateResultRow): { readonly lateResult?: LateResult } =>
  late === null
    ? {}
    : {
        lateResult: {
          status: late.status,
          at: late.at,
          ...omitUndefined({ exitCode: late.exit_code, signal: late.signal }),
        },
      };

export const toJobNode = (row: NodeRow): JobNode => ({
  name: row.node_name,
  status: nodeStatusOf(row.status),
  ...(row.exit_code === null ? {} : { exitCode: row.exit_code }),
  ...(row.signal === null ? {} : { signal: row.signal }),
  ...(row.duration_ms === null ? {} : { durationMs: row.duration_ms }),
  ...(row.reason === null ? {} : { reason: row.reason }),
});
