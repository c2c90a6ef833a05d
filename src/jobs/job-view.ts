import type { NodeStatus } from '../protocol/job-status.js';
import type { Job, JobSummary } from '../protocol/rest-shapes.js';
import { formatRfc1123 } from '../protocol/wire-time.js';
import type { StoredJob, StoredJobWithNodes } from './job-store.port.js';
import type { LiveJob } from './live-job.js';

/** A job as users see it in a list (REST API, "A job"): what was not asked for is left out. */
export const summaryOf = (job: StoredJob, file?: string): JobSummary => ({
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

/** A job as users see it by itself: with its nodes by status. */
export const viewOf = (job: StoredJobWithNodes): Job => ({
  nodes: byStatus(job),
  ...summaryOf(job, job.file),
});

/** A job in memory in the form of a stored one; its file only where `includeFile` is set. */
export const storedFormOf = (live: LiveJob, includeFile: boolean): StoredJobWithNodes => {
  const { file, ...record } = live.record;
  return {
    ...record,
    status: live.status,
    updatedAt: live.updatedAt,
    fileSpecified: file !== undefined,
    nodes: Array.from(live.nodeStatuses(), ([name, status]) => ({ name, status })),
    ...(includeFile && file !== undefined ? { file } : {}),
  };
};

const byStatus = (job: StoredJobWithNodes): Partial<Record<NodeStatus, string[]>> => {
  const nodes: Partial<Record<NodeStatus, string[]>> = {};
  for (const { name, status } of job.nodes) (nodes[status] ??= []).push(name);
  return nodes;
};
