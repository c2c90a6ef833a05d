import { omitUndefined } from '../../../shared/lib/omit-undefined.js';
import type { JobStartData } from '../../../shared/protocol/feed-event.js';
import type { NodeCommand } from '../../../shared/protocol/server-message.js';
import type { JobOptions } from '../job-store.port.js';

/** The immutable data of a job. Times are milliseconds since 1970. */
export interface JobRecord extends JobOptions {
  readonly id: string;
  readonly orgId: string;
  readonly command: string;
  /** Seconds. */
  readonly runTimeout: number;
  readonly quorum: number;
  readonly createdBy: string;
  readonly createdAt: number;
  /** `raw:…` or `base64:…`. */
  readonly file?: string;
}

/** Returns the `commit` that asks nodes for their votes; `server` is the name under which nodes know this server. */
export const commitCommand = (job: JobRecord, server: string): NodeCommand => ({
  type: 'commit',
  job_id: job.id,
  server,
  command: job.command,
  ...omitUndefined({ user: job.user, dir: job.dir, env: job.env, file: job.file }),
  capture: job.capture,
});

/** Returns the data of the `start` event. */
export const startEventData = (job: JobRecord, nodeCount: number): JobStartData => ({
  command: job.command,
  run_timeout: job.runTimeout,
  quorum: job.quorum,
  node_count: nodeCount,
  user: job.createdBy,
  ...omitUndefined({ job_user: job.user, dir: job.dir, env: job.env }),
  ...(job.file === undefined ? {} : { file_specified: true as const }),
  capture: job.capture,
});
