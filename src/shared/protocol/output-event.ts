import { z } from 'zod';

/**
 * Additional events of a job feed with `output=true`. They have no id, are not stored, and do not count for
 * `Last-Event-ID`.
 */
export const OUTPUT_EVENT = {
  /** First event of the feed if the server supports live output. */
  open: 'output_open',
  /** A chunk of a command's output on one node. */
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
      /** From 1 for each node, over both streams; lost chunks leave a gap. */
      chunk: z.number().int().positive(),
      /** Bytes of either stream that the node dropped before this chunk. */
      skipped: z.number().int().nonnegative(),
      data: z.base64(),
    })
    .transform(({ data, ...rest }) => ({ ...rest, bytes: Buffer.from(data, 'base64') })),
});

/** The output events as readers get them; `bytes` can end within a character. */
export const outputEventSchema = z.discriminatedUnion('name', [outputOpen, output]);

export type JobOutputEvent = z.infer<typeof outputEventSchema>;
