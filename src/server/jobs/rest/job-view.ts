import { omitUndefined } from '../../../shared/lib/omit-undefined.js';
import type { NodeStatus } from '../../../shared/protocol/job-status.js';
import type { Job, JobNodeDetail, JobSummary } from '../../../shared/protocol/rest-schemas.js';
import { formatRfc1123 } from '../../../shared/protocol/wire-time.js';
import type { LateResult } from '../../persistence/batch-writer.port.js';
import type { JobNode, StoredJob, StoredJobWithNodes } from '../job-store.port.js';
import type { LiveJob } from '../live/live-job.js';

/** Converts a job for a list. See docs/spec/rest-api.md, "A job". */
export const toJobSummary = (job: StoredJob, file?: string): JobSummary => ({
  id: job.id,
  command: job.command,
  status: job.status,
  run_timeout: job.runTimeout,
  created_at: formatRfc1123(job.createdAt),
  updated_at: formatRfc1123(job.updatedAt),
  ...(job.user === undefined ? {} : { user: job.user }),
  ...(job.dir === undefined ? {} : { dir: job.dir }),
  ...(job.env === undefined ? {} : { env: { ...job.env } }),
  ...(job.capture ? { capture_output: true as const } : {}),
  ...(file === undefined && job.fileSpecified ? { file_specified: true as const } : {}),
  ...(file === undefined ? {} : { file }),
});

/** Converts a single job, with its nodes by status. */
export const toJobView = (job: StoredJobWithNodes): Job => ({
  nodes: groupByStatus(job),
  ...toJobSummary(job, job.file),
  ...(job.origin === undefined
    ? {}
    : {
        details: {
          created_by: job.origin.createdBy,
          quorum: job.origin.quorum,
          nodes: job.nodes.map(nodeDetailOf),
        },
      }),
});

const isoOf = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString();

const lateResultOf = ({ status, exitCode, signal, at }: LateResult): JobNodeDetail['late_result'] => ({
  status,
  ...omitUndefined({ exit_code: exitCode, signal }),
  at: new Date(at).toISOString(),
});

const nodeDetailOf = ({ name, status, times, ...reported }: JobNode): JobNodeDetail =>
  omitUndefined({
    node_name: name,
    status,
    ready_at: isoOf(times?.ready),
    running_at: isoOf(times?.running),
    updated_at: isoOf(times?.updated),
    exit_code: reported.exitCode,
    signal: reported.signal,
    duration_ms: reported.durationMs,
    reason: reported.reason,
    no_contact_since: isoOf(reported.noContactSince),
    late_result: reported.lateResult && lateResultOf(reported.lateResult),
  });

/** Converts a job in memory to the form of a stored one: job and nodes at one moment. */
export const toStoredForm = (live: LiveJob, includeFile: boolean): StoredJobWithNodes => {
  const { file, ...record } = live.record;
  return {
    ...record,
    status: live.statusNow,
    updatedAt: live.updatedAt,
    fileSpecified: file !== undefined,
    nodes: Array.from(live.nodeStatuses(), ([name, status]) => ({ name, status })),
    ...(includeFile && file !== undefined ? { file } : {}),
  };
};

const groupByStatus = (job: StoredJobWithNodes): Partial<Record<NodeStatus, string[]>> => {
  const nodes: Partial<Record<NodeStatus, string[]>> = {};
  for (const { name, status } of job.nodes) (nodes[status] ??= []).push(name);
  return nodes;
};
