import type { Logger } from 'pino';
import type { Clock } from '../../../shared/lib/clock.js';
import type { SliceScheduler } from '../../../shared/lib/time-slices.js';
import type { JobEvent } from '../../../shared/protocol/feed-event.js';
import type { NodeDirectory } from '../../nodes/nodes.port.js';
import type { OtherJobs } from '../domain/job-node-machine.js';
import type { JobStore } from '../job-store.port.js';
import type { JobRecord } from './job-record.js';
import type { ResultConfirmations } from './result-confirmations.js';

/** What all live jobs share. */
export interface LiveJobContext {
  readonly store: JobStore;
  readonly nodeDirectory: NodeDirectory;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Keeps jobs on very many nodes from blocking the event loop. */
  readonly slices: SliceScheduler;
  /** Confirms results to clients that keep them until then. */
  readonly confirmations: Pick<ResultConfirmations, 'confirmWhenStored'>;
  /** The name under which nodes know the server. */
  readonly serverName: string;
  readonly heartbeatIntervalMs: number;
  /** Returns how often a node has to send output now, in milliseconds. */
  outputIntervalMs(): number;
  /** Returns what the node has to do in live jobs other than this one. */
  otherJobs(job: JobRecord, node: string): OtherJobs;
  /** Returns after how long without contact a job node ends, in milliseconds; undefined: only with its job. */
  readonly lostContactMs: (intervalMs: number) => number | undefined;
  /** A job node has ended because its node was silent; `until` is a time on the monotonic clock. */
  onContactLost(job: JobRecord, node: string, until: number): void;
  /** The job emits `start` or `job_complete`; `atMicros` is microseconds since 1970. */
  onPublicEvent(job: JobRecord, event: JobEvent, atMicros: number): void;
  /** The end of the job is stored and visible. */
  onEnded(job: JobRecord): void;
}
