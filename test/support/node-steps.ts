import type { JobMessage } from '../../src/shared/protocol/client-message.js';
import type { CommandMessage } from '../../src/shared/protocol/server-message.js';
import type { SimulatedNode } from './simulated-node.js';

/** Waits for the commit of this job and votes yes; returns the commit. */
export const voteYes = async (node: SimulatedNode, id: string): Promise<CommandMessage> => {
  const commit = await expectCommandFor(node, 'commit', id);
  node.reportedState = { state: 'committed', jobId: id };
  await node.sendJobMessage('ack_commit', id);
  return commit;
};

/** Waits for the commit of this job and votes no. */
export const voteNo = async (node: SimulatedNode, id: string): Promise<void> => {
  await expectCommandFor(node, 'commit', id);
  await node.sendJobMessage('nack_commit', id);
};

/** Waits for the `run` of this job and starts it. */
export const startRun = async (node: SimulatedNode, id: string): Promise<void> => {
  await expectCommandFor(node, 'run', id);
  node.reportedState = { state: 'running', jobId: id };
  await node.sendJobMessage('ack_run', id);
};

/** Reports the end of the node's command, optionally with output. */
export const endRun = async (
  node: SimulatedNode,
  id: string,
  outcome: 'succeeded' | 'failed' = 'succeeded',
  output: Partial<Pick<JobMessage, 'stdout' | 'stderr'>> = {},
): Promise<void> => {
  node.reportedState = { state: 'idle', jobId: null };
  await node.sendJobMessage(outcome, id, output);
};

/** Waits for `abort` and answers that the node is idle. */
export const answerAbort = async (node: SimulatedNode): Promise<void> => {
  await node.expectCommand('abort');
  node.reportedState = { state: 'idle', jobId: null };
  await node.sendJobMessage('aborted', null);
};

const expectCommandFor = async (
  node: SimulatedNode,
  type: 'commit' | 'run',
  id: string,
): Promise<CommandMessage> => {
  const command = await node.expectCommand(type);
  if (command.job_id !== id) throw new Error(`the ${type} is for ${command.job_id}, not for ${id}`);
  return command;
};
