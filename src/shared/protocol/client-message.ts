import { z } from 'zod';

/** Job ids are 32 hex digits in small letters. */
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

/** What a client says it is doing, in its heartbeats. */
export const JOB_STATES = ['idle', 'committed', 'running'] as const;
export type ReportedJobState = (typeof JOB_STATES)[number];

/**
 * How often the client sends output of its job, in milliseconds, 0 for never. Only our own client says so, to a server
 * that offers `live_output` and of a job whose output is captured: by that the server knows that it can be asked.
 */
const outputEveryMs = z.number().int().nonnegative().optional();

/** The messages about a job that every client may send. */
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
  /** In `ack_run`. */
  output_every_ms: outputEveryMs,
});

/**
 * A piece of a command's output while it runs, only to a server that asked for it by `output_wanted`. Chunks of a job are
 * numbered from 1 over both channels; `skipped` bytes were let go before this one. A character may be cut by the end of a
 * chunk. What was sent may come once more, under the same numbers, after the server has asked again.
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
 * The body of a frame from a client (wire protocol, section 5). `exit_code`, `signal`, `duration_ms`, `reason`,
 * `client_version`, `output_every_ms` and all `output` are our own client's; unknown fields are ignored.
 */
export const clientMessageSchema = z.discriminatedUnion('type', [heartbeat, jobMessage, output]);

/** The names that a body claims to come from, read before it is known whether that is so. */
export const claimedSenderSchema = z.object({ node: base.node, org: base.org });

export type ClaimedSender = z.infer<typeof claimedSenderSchema>;
export type HeartbeatMessage = z.infer<typeof heartbeat>;
export type JobMessage = z.infer<typeof jobMessage>;
export type OutputMessage = z.infer<typeof output>;
export type ClientMessage = z.infer<typeof clientMessageSchema>;
