import { z } from 'zod';

/**
 * The events that a job's feed carries beside its own where it is read with `output=true`. They have no id, are kept
 * nowhere for long, and do not count for `Last-Event-ID`.
 */
export const OUTPUT_EVENT = {
  /** The first of such a feed: the server gives output. One that cannot leaves it out. */
  open: 'output_open',
  /** A piece of what a node's command writes. */
  output: 'output',
} as const;

const timestamp = z.string();

const outputOpen = z.object({ name: z.literal(OUTPUT_EVENT.open), data: z.object({ timestamp }) });

const output = z.object({
  name: z.literal(OUTPUT_EVENT.output),
  data: z
    .object({
      timestamp,
      node: z.string(),
      stream: z.enum(['stdout', 'stderr']),
      /** From 1 for each node, over both streams; what was lost on the way leaves a gap. */
      chunk: z.number().int().positive(),
      /** Bytes, of either stream, that the node let go before this chunk. */
      skipped: z.number().int().nonnegative(),
      data: z.base64(),
    })
    .transform(({ data, ...rest }) => ({ ...rest, bytes: Buffer.from(data, 'base64') })),
});

/** The same as a reader gets them: the output itself as `bytes`, which may end in the middle of a character. */
export const outputEventSchema = z.discriminatedUnion('name', [outputOpen, output]);

export type JobOutputEvent = z.infer<typeof outputEventSchema>;
