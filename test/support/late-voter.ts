import { eventually } from './eventually.js';
import type { SimulatedNode } from './simulated-node.js';

/** Lets a node that was asked vote yes now, start when it is told to, and end its command at once. */
export const voteAndRun = async (node: SimulatedNode, jobId: string): Promise<void> => {
  node.reportedState = { state: 'committed', jobId };
  await node.sendJobMessage('ack_commit', jobId);
  await eventually(
    () => node.commands.some((command) => command.type === 'run' && command.job_id === jobId),
    {
      withinMs: 90_000,
    },
  );
  node.reportedState = { state: 'running', jobId };
  await node.sendJobMessage('ack_run', jobId);
  node.reportedState = { state: 'idle', jobId: null };
  await node.sendJobMessage('succeeded', jobId);
};
