import { z } from 'zod';

/** Maximum interval between output messages, in milliseconds. */
export const MAX_OUTPUT_EVERY_MS = 60_000;

const base = { sequence: z.number().int().nonnegative(), timestamp: z.string() };

const heartbeat = z.object({
  ...base,
  type: z.literal('heartbeat'),
  server: z.string().optional(),
  incarnation_id: z.string(),
});

const commit = z.object({
  ...base,
  type: z.literal('commit'),
  job_id: z.string().min(1),
  server: z.string().optional(),
  command: z.string(),
  user: z.string().optional(),
  dir: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
  file: z.string().optional(),
  capture: z.boolean().optional(),
});

const run = z.object({ ...base, type: z.literal('run'), job_id: z.string().min(1) });
const abort = z.object({ ...base, type: z.literal('abort') });
const ack = z.object({ ...base, type: z.literal('ack') });

/**
 * Requests the output of a job: a few chunks every `every_ms` milliseconds, starting with those that the client still
 * has; 0 stops it. The request is valid for the connection on which it came. Only for clients that send
 * `output_every_ms` for the job.
 */
const outputWanted = z.object({
  ...base,
  type: z.literal('output_wanted'),
  job_id: z.string().min(1),
  every_ms: z.number().int().nonnegative().max(MAX_OUTPUT_EVERY_MS),
});

/** The result of this job is stored. Only for clients that send `ack_wanted` with the result. */
const resultStored = z.object({ ...base, type: z.literal('result_stored'), job_id: z.string().min(1) });

/** The server knows no job of this id with this node, so it can never store the result. Only as `result_stored`. */
const resultUnknown = z.object({ ...base, type: z.literal('result_unknown'), job_id: z.string().min(1) });

/**
 * The body of a frame from the server on the command channel.
 * See docs/spec/wire-protocol.md, "Messages from the server".
 */
export const commandMessageSchema = z.discriminatedUnion('type', [
  commit,
  run,
  abort,
  ack,
  outputWanted,
  resultStored,
  resultUnknown,
]);

/** The body of a frame on the heartbeat channel. */
export const serverHeartbeatSchema = heartbeat;

export type ServerHeartbeat = z.infer<typeof heartbeat>;
export type CommitMessage = z.infer<typeof commit>;
export type CommandMessage = z.infer<typeof commandMessageSchema>;

type Unnumbered<M> = M extends unknown ? Omit<M, 'sequence' | 'timestamp'> : never;

/** A command before the channel adds sequence and timestamp. */
export type NodeCommand = Unnumbered<CommandMessage>;
