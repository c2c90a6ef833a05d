import type { OutputChannel } from '../../shared/api-client/push-jobs-client.js';
import { AppError } from '../../shared/lib/app-error.js';
import { mapInOrder } from '../../shared/lib/map-in-order.js';
import type { CommandContext } from '../command-context.js';
import { nodesByStatus } from '../output/render-job.js';
import { printable } from '../output/printable.js';
import { unwrap } from '../unwrap.js';
import { nodesWithExpectedOutput, PROBABLE_CAUSE, renderNodesWithoutOutput } from './missing-output.js';

/** The output of one node on one channel. */
export interface CapturedOutput {
  readonly node: string;
  readonly channel: OutputChannel;
  /** Undefined if the server has no captured output. */
  readonly bytes: Buffer | undefined;
}

const MAX_CONCURRENT_REQUESTS = 8;

/** Returns the given nodes, or all nodes of the job if none are given; throws an ApiError if the request fails. */
export const selectOutputNodes = async (
  { client }: CommandContext,
  id: string,
  nodeNames: readonly string[],
): Promise<readonly string[]> => {
  if (nodeNames.length > 0) return [...new Set(nodeNames)];
  const job = unwrap(await client.getJob(id));
  return nodesByStatus(job)
    .flatMap(([, nodes]) => nodes)
    .sort();
};

/** Fetches captured output concurrently and yields it in order; throws an ApiError if a request fails. */
export async function* fetchOutputs(
  context: CommandContext,
  id: string,
  nodes: readonly string[],
  channels: readonly OutputChannel[],
): AsyncGenerator<CapturedOutput, void> {
  const requests = nodes.flatMap((node) => channels.map((channel) => ({ node, channel })));
  yield* mapInOrder(requests, MAX_CONCURRENT_REQUESTS, async ({ node, channel }) => {
    const output = await context.client.getOutput(id, node, channel);
    if (output.ok) return { node, channel, bytes: output.value };
    if (output.error.code === 'not_found') return { node, channel, bytes: undefined };
    throw output.error;
  });
}

/** Returns the error for a job without any of the requested output, or for a job that does not exist. */
export const noOutputError = async (
  { client }: CommandContext,
  id: string,
  what: string,
  nodes: readonly string[],
): Promise<AppError> => {
  const job = await client.getJob(id);
  if (!job.ok) {
    return job.error.code === 'not_found' ? new AppError('no_job', `there is no job ${id}`) : job.error;
  }
  const subject = `job ${id} has no captured ${what} for ${nodes.map(printable).join(', ')}`;
  if (nodesWithExpectedOutput(job.value, nodes).length > 0)
    return new AppError('no_output', `${subject}, ${PROBABLE_CAUSE}`);
  return new AppError(
    'no_output',
    `${subject}. ` +
      'Output is captured only if the job was started with --capture, and is available when the node is done',
  );
};

/** Explains, for nodes without output, which of them reported a result and therefore lost their output. */
export const explainMissing = async (
  { client }: CommandContext,
  id: string,
  nodes: readonly string[],
): Promise<string> => {
  const job = nodes.length === 0 ? undefined : await client.getJob(id);
  if (job?.ok !== true) return '';
  return renderNodesWithoutOutput(nodesWithExpectedOutput(job.value, nodes))
    .map((line) => `${line}\n`)
    .join('');
};
