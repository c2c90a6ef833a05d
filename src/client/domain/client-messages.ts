import type { ReportedJobState } from '../../shared/protocol/client-message.js';
import { formatRfc1123 } from '../../shared/protocol/wire-time.js';
import { truncateOutput } from './captured-output.js';
import type { JobMachine, JobReport } from './job-machine.js';
import type { OutputChunk } from './live-output.js';

/** The sender of all messages of this process. */
export interface ClientIdentity {
  readonly node: string;
  readonly org: string;
  /** This machine's host name. */
  readonly host: string;
  /** UUID of this process. */
  readonly incarnationId: string;
  /** Version of this program. */
  readonly version: string;
}

/** The fields that differ in every message. */
export interface MessageStamp {
  readonly sequence: number;
  readonly nowMs: number;
}

const PROTOCOL_VERSION = '2.0';

/** Maximum characters of a reason that servers accept. */
const MAX_REASON_LENGTH = 1024;

const REPORTED_STATES: Readonly<Record<JobMachine['mode'], ReportedJobState>> = {
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
 * Builds a heartbeat. `outputIntervalMs` is the interval between output messages of the job; undefined if the server
 * cannot request output. See docs/spec/wire-protocol.md, "5. Messages from the client".
 */
export const heartbeatMessage = (
  identity: ClientIdentity,
  machine: Pick<JobMachine, 'mode' | 'jobId'>,
  outputIntervalMs: number | undefined,
  stamp: MessageStamp,
): object => ({
  ...envelope(identity, 'heartbeat', stamp),
  job_state: REPORTED_STATES[machine.mode],
  job_id: machine.jobId,
  client_version: identity.version,
  ...outputIntervalField(outputIntervalMs),
});

const reasonField = (reason: string): object => ({ reason: reason.slice(0, MAX_REASON_LENGTH) });

const outputIntervalField = (intervalMs: number | undefined): object =>
  intervalMs === undefined ? {} : { output_every_ms: intervalMs };

/** Limits and state for a message about a job. */
export interface JobMessageContext {
  /** Maximum length of the message in bytes; longer output is cut. */
  readonly maxBytes: number;
  /** As in a heartbeat; sent with `ack_run`. */
  readonly outputIntervalMs?: number | undefined;
  /** Whether the server is asked to confirm the result. */
  readonly ackWanted?: boolean;
}

/**
 * Builds a message that reports about a job. See docs/spec/wire-protocol.md, "5. Messages from the client".
 */
export const jobMessage = (
  identity: ClientIdentity,
  report: JobReport,
  stamp: MessageStamp,
  { maxBytes, outputIntervalMs, ackWanted = false }: JobMessageContext,
): object => {
  const message = { ...envelope(identity, report.type, stamp), job_id: report.jobId };
  if (report.type === 'ack_run') return { ...message, ...outputIntervalField(outputIntervalMs) };
  if ('reason' in report) return { ...message, ...reasonField(report.reason) };
  if (!('result' in report)) return message;
  const { exitCode, signal, durationMs, output, reason } = report.result;
  const resultFields = {
    ...(exitCode === null ? {} : { exit_code: exitCode }),
    ...(signal === null ? {} : { signal }),
    duration_ms: durationMs,
    ...(ackWanted ? { ack_wanted: true } : {}),
    ...(reason === undefined ? {} : reasonField(reason)),
  };
  if (output === undefined) return { ...message, ...resultFields };
  const withoutOutput = JSON.stringify({ ...message, stdout: '', stderr: '', ...resultFields });
  const room = Math.max(0, maxBytes - Buffer.byteLength(withoutOutput));
  return { ...message, ...truncateOutput(output, room), ...resultFields };
};

/** Builds a message with a chunk of live output of at most `maxChunkBytes`. */
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
