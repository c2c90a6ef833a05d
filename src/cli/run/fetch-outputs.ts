import type { OutputChannel } from '../../shared/api-client/push-jobs-client.js';
import { AppError } from '../../shared/lib/app-error.js';
import { mapInOrder } from '../../shared/lib/map-in-order.js';
import type { CommandContext } from '../command-context.js';
import { nodesByStatus } from '../output/render-job.js';
import { printable } from '../output/printable.js';
import { unwrap } from '../unwrap.js';

/** What one node wrote into one of the two streams; undefined where nothing was kept. */
export interface CapturedOutput {
  readonly node: string;
  readonly channel: OutputChannel;
  readonly bytes: Buffer | undefined;
}

/** Requests at a time. */
const AT_ONCE = 8;

/** The nodes whose output is wanted: those named, or all of the job where none is. Throws an ApiError, as the next. */
export const wantedNodes = async (
  { client }: CommandContext,
  id: string,
  named: readonly string[],
): Promise<readonly string[]> => {
  if (named.length > 0) return [...new Set(named)];
  const job = unwrap(await client.getJob(id));
  return nodesByStatus(job)
    .flatMap(([, nodes]) => nodes)
    .sort();
};

/**
 * Fetches what nodes wrote, several at a time, and gives it in order. Throws an ApiError where the server refuses.
 */
export async function* fetchOutputs(
  context: CommandContext,
  id: string,
  nodes: readonly string[],
  channels: readonly OutputChannel[],
): AsyncGenerator<CapturedOutput, void> {
  const wanted = nodes.flatMap((node) => channels.map((channel) => ({ node, channel })));
  yield* mapInOrder(wanted, AT_ONCE, async ({ node, channel }) => {
    const output = await context.client.getOutput(id, node, channel);
    if (output.ok) return { node, channel, bytes: output.value };
    if (output.error.code === 'not_found') return { node, channel, bytes: undefined };
    throw output.error;
  });
}

/** The error where nothing that was asked for was kept: there may be no such job. */
export const nothingKept = async (
  { client }: CommandContext,
  id: string,
  what: string,
  nodes: readonly string[],
): Promise<AppError> => {
  const job = await client.getJob(id);
  if (!job.ok) {
    return job.error.code === 'not_found' ? new AppError('no_job', `there is no job ${id}`) : job.error;
  }
  return new AppError(
    'no_output',
    `no ${what} of job ${id} was kept for ${nodes.map(printable).join(', ')}. Output is kept of jobs that are started with --capture, once a node is done`,
  );
};
