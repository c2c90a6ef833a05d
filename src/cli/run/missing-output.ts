import { mapInOrder } from '../../shared/lib/map-in-order.js';
import type { Job } from '../../shared/protocol/rest-schemas.js';
import type { CommandContext } from '../command-context.js';
import { printable } from '../output/printable.js';

/** Why a node that reported a result sent no output. The Ruby client drops output that makes its message too long. */
export const PROBABLE_CAUSE =
  'although the job captures it; probably it was longer than the max_body_size of the client there';

/** Each lookup is a request, so `job status` does not look up the output of more nodes. */
const MAX_LOOKUPS = 32;
const MAX_CONCURRENT_REQUESTS = 8;

/** Returns those of the nodes that should have output, because the job captures it and they reported a result. */
export const nodesWithExpectedOutput = (job: Job, nodes?: readonly string[]): readonly string[] => {
  if (job.capture_output !== true) return [];
  const withResult = [...(job.nodes.succeeded ?? []), ...(job.nodes.failed ?? [])];
  return nodes === undefined ? withResult : nodes.filter((node) => withResult.includes(node));
};

/** Looks up which nodes of a job sent no output with their result; empty if the job has too many nodes. */
export const findNodesWithoutOutput = async (
  { client }: CommandContext,
  job: Job,
): Promise<readonly string[]> => {
  const nodes = nodesWithExpectedOutput(job);
  const missing: string[] = [];
  if (nodes.length > MAX_LOOKUPS) return missing;
  const lookups = mapInOrder(nodes, MAX_CONCURRENT_REQUESTS, async (node) => {
    const output = await client.getOutput(job.id, node, 'stderr'); // both streams are kept together; this is mostly the shorter
    return { node, isMissing: !output.ok && output.error.code === 'not_found' };
  });
  for await (const { node, isMissing } of lookups) if (isMissing) missing.push(node);
  return missing;
};

/** Renders the nodes that sent no output; empty if there are none. */
export const renderNodesWithoutOutput = (nodes: readonly string[]): string[] =>
  nodes.length === 0 ? [] : [`No output from ${nodes.map(printable).join(', ')}, ${PROBABLE_CAUSE}`];
