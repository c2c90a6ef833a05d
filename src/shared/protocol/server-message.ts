import { z } from 'zod';

/** Output is never sent more seldom than so, in milliseconds. */
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
 * Somebody watches the output of a job: a few chunks are to be sent each `every_ms` milliseconds, beginning with what is
 * still kept; with 0 no more. It holds as long as the connection on which it came. Only to a client that names
 * `output_every_ms` in what it says of the job.
 */
const outputWanted = z.object({
  ...base,
  type: z.literal('output_wanted'),
  job_id: z.string().min(1),
  every_ms: z.number().int().nonnegative().max(MAX_OUTPUT_EVERY_MS),
});

/** The body of a frame on the command channel, as a client reads it (wire protocol, section 4). */
export const commandMessageSchema = z.discriminatedUnion('type', [commit, run, abort, ack, outputWanted]);

/** The body of a frame on the heartbeat channel, as a client reads it. */
export const serverHeartbeatSchema = heartbeat;

export type ServerHeartbeat = z.infer<typeof heartbeat>;
export type CommitMessage = z.infer<typeof commit>;
export type CommandMessage = z.infer<typeof commandMessageSchema>;

type Unnumbered<M> = M extends unknown ? Omit<M, 'sequence' | 'timestamp'> : never;

/** A command before the channel gives it its sequence and timestamp. */
export type NodeCommand = Unnumbered<CommandMessage>;
