import { z } from 'zod';

/** A job id: 32 hexadecimal digits in lower case. */
export const JOB_ID = /^[0-9a-f]{32}$/;

const base = {
  node: z.string().min(1).max(1024),
  org: z.string().min(1).max(1024),
  client: z.string().max(1024).optional(),
  protocol_version: z.string().max(32).optional(),
  sequence: z.number().int().nonnegative(),
  timestamp: z.string().max(64),
  incarnation_id: z.string().min(1).max(64),
};

const jobId = z.string().max(64);

/** What a client does, as it reports in heartbeats. */
export const JOB_STATES = ['idle', 'committed', 'running'] as const;
export type ReportedJobState = (typeof JOB_STATES)[number];

/**
 * How often the client sends output of its job, in milliseconds; 0 for never. Our own client sends this field for a job
 * whose output is captured, to a server with the capability `live_output`. It shows that the server can request output.
 */
const outputEveryMs = z.number().int().nonnegative().optional();

/** Types of the messages about a job that every client can send. */
export const JOB_MESSAGE_TYPES = [
  'ack_commit',
  'nack_commit',
  'ack_run',
  'nack_run',
  'succeeded',
  'failed',
  'aborted',
] as const;
export type JobMessageType = (typeof JOB_MESSAGE_TYPES)[number];

const heartbeat = z.object({
  ...base,
  type: z.literal('heartbeat'),
  job_state: z.enum(JOB_STATES),
  job_id: jobId.nullish(),
  client_version: z.string().max(64).optional(),
  output_every_ms: outputEveryMs,
});

const jobMessage = z.object({
  ...base,
  type: z.enum(JOB_MESSAGE_TYPES),
  job_id: jobId.nullish(),
  stdout: z.string().optional(),
  stderr: z.string().optional(),
  exit_code: z.number().int().optional(),
  signal: z.string().max(32).optional(),
  duration_ms: z.number().nonnegative().optional(),
  reason: z.string().max(1024).optional(),
  /** In `succeeded` and `failed`, to a server with the capability `result_ack`: the client keeps the result until then. */
  ack_wanted: z.boolean().optional(),
  /** In `ack_run`. */
  output_every_ms: outputEveryMs,
});

/**
 * A chunk of a command's output while it runs, sent after `output_wanted`. Chunks of a job are numbered from 1 over both
 * streams; `skipped` bytes before this chunk were dropped. A chunk can end within a character. After another
 * `output_wanted` chunks can be sent again, with the same numbers.
 */
const output = z.object({
  ...base,
  type: z.literal('output'),
  job_id: jobId,
  chunk: z.number().int().positive(),
  stream: z.enum(['stdout', 'stderr']),
  data: z.base64(),
  skipped: z.number().int().nonnegative().optional(),
});

/**
 * The body of a frame from a client. Only our own client sends `output` messages and the fields `exit_code`, `signal`,
 * `duration_ms`, `reason`, `ack_wanted`, `client_version` and `output_every_ms`; unknown fields are ignored.
 * See docs/spec/wire-protocol.md, "Messages from the client".
 */
export const clientMessageSchema = z.discriminatedUnion('type', [heartbeat, jobMessage, output]);

/** The sender that a body claims, before its signature is verified. */
export const claimedSenderSchema = z.object({ node: base.node, org: base.org });

export type ClaimedSender = z.infer<typeof claimedSenderSchema>;
export type HeartbeatMessage = z.infer<typeof heartbeat>;
export type JobMessage = z.infer<typeof jobMessage>;
export type OutputMessage = z.infer<typeof output>;

/** Whether a message is a result that the client keeps, and sends again, until the server confirms it. */
export const isKeptResult = (message: ClientMessage): boolean =>
  (message.type === 'succeeded' || message.type === 'failed') && message.ack_wanted === true;

export type ClientMessage = z.infer<typeof clientMessageSchema>;
