import type { ReportedJobState } from '../../shared/protocol/client-message.js';
import { formatRfc1123 } from '../../shared/protocol/wire-time.js';
import { fitOutput } from './captured-output.js';
import type { JobMachine, JobReply } from './job-machine.js';
import type { OutputChunk } from './live-output.js';

/** Who sends. */
export interface ClientIdentity {
  readonly node: string;
  readonly org: string;
  /** This machine's host name. */
  readonly host: string;
  /** A UUID of this process. */
  readonly incarnationId: string;
  /** Version of this program. */
  readonly version: string;
}

/** What makes each message another one. */
export interface MessageStamp {
  readonly sequence: number;
  readonly nowMs: number;
}

const PROTOCOL_VERSION = '2.0';

/** Servers take no longer reasons. */
const MAX_REASON = 1024;

const REPORTED: Readonly<Record<JobMachine['mode'], ReportedJobState>> = {
  idle: 'idle',
  closed: 'idle',
  preparing: 'committed',
  committed: 'committed',
  running: 'running',
  stopping: 'running',
};

const envelope = (identity: ClientIdentity, type: string, { sequence, nowMs }: MessageStamp) => ({
  node: identity.node,
  client: identity.host,
  protocol_version: PROTOCOL_VERSION,
  org: identity.org,
  type,
  sequence,
  timestamp: formatRfc1123(nowMs),
  incarnation_id: identity.incarnationId,
});

/**
 * A heartbeat that says what the node is doing (wire protocol, section 5). `outputEveryMs` is how often output of its
 * job is sent; undefined where the server cannot ask for that.
 */
export const heartbeatMessage = (
  identity: ClientIdentity,
  machine: Pick<JobMachine, 'mode' | 'jobId'>,
  outputEveryMs: number | undefined,
  stamp: MessageStamp,
): object => ({
  ...envelope(identity, 'heartbeat', stamp),
  job_state: REPORTED[machine.mode],
  job_id: machine.jobId,
  client_version: identity.version,
  ...outputReport(outputEveryMs),
});

const outputReport = (everyMs: number | undefined): object =>
  everyMs === undefined ? {} : { output_every_ms: everyMs };

/** What a message about a job must fit to. */
export interface JobMessageContext {
  /** It is never longer than so many bytes, since output that is too long is cut. */
  readonly maxBytes: number;
  /** As with a heartbeat; told when the command has started. */
  readonly outputEveryMs?: number | undefined;
}

/** A message about a job. */
export const jobMessage = (
  identity: ClientIdentity,
  reply: JobReply,
  stamp: MessageStamp,
  { maxBytes, outputEveryMs }: JobMessageContext,
): object => {
  const message = { ...envelope(identity, reply.type, stamp), job_id: reply.jobId };
  if (reply.type === 'ack_run') return { ...message, ...outputReport(outputEveryMs) };
  if ('reason' in reply) return { ...message, reason: reply.reason.slice(0, MAX_REASON) };
  if (!('outcome' in reply)) return message;
  const { exitCode, signal, durationMs, output } = reply.outcome;
  const facts = {
    ...(exitCode === null ? {} : { exit_code: exitCode }),
    ...(signal === null ? {} : { signal }),
    duration_ms: durationMs,
  };
  if (output === undefined) return { ...message, ...facts };
  const withoutOutput = JSON.stringify({ ...message, stdout: '', stderr: '', ...facts });
  const room = Math.max(0, maxBytes - Buffer.byteLength(withoutOutput));
  return { ...message, ...fitOutput(output, room), ...facts };
};

/** A piece of output while the command runs; `chunkBytesFor` tells how long one may be. */
export const outputMessage = (
  identity: ClientIdentity,
  jobId: string,
  { number, stream, data, skipped }: OutputChunk,
  stamp: MessageStamp,
): object => ({
  ...envelope(identity, 'output', stamp),
  job_id: jobId,
  chunk: number,
  stream,
  data: data.toString('base64'),
  ...(skipped === 0 ? {} : { skipped }),
});
