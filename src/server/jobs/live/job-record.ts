import { given } from '../../../shared/lib/omit-undefined.js';
import type { JobStartData } from '../../../shared/protocol/feed-event.js';
import type { NodeCommand } from '../../../shared/protocol/server-message.js';
import type { JobOptions } from '../job-store.port.js';

/** What was asked for; it stays the same as long as the job lives. Times are milliseconds since 1970. */
export interface JobRecord extends JobOptions {
  readonly id: string;
  readonly orgId: string;
  readonly command: string;
  /** Seconds. */
  readonly runTimeout: number;
  readonly quorum: number;
  readonly createdBy: string;
  readonly createdAt: number;
  /** `raw:…` or `base64:…`, as it came. */
  readonly file?: string;
}

/** The `commit` that asks a node for its vote; `server` is the name that this server is known by. */
export const commitOf = (job: JobRecord, server: string): NodeCommand => ({
  type: 'commit',
  job_id: job.id,
  server,
  command: job.command,
  ...given({ user: job.user, dir: job.dir, env: job.env, file: job.file }),
  capture: job.capture,
});

/** What the job's `start` event tells. */
export const startDataOf = (job: JobRecord, nodeCount: number): JobStartData => ({
  command: job.command,
  run_timeout: job.runTimeout,
  quorum: job.quorum,
  node_count: nodeCount,
  user: job.createdBy,
  ...given({ job_user: job.user, dir: job.dir, env: job.env }),
  ...(job.file === undefined ? {} : { file_specified: true as const }),
  capture: job.capture,
});
