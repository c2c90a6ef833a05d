import type { JobMessage } from '../../src/shared/protocol/client-message.js';
import type { CommandMessage } from '../../src/shared/protocol/server-message.js';
import type { SimulatedNode } from './simulated-node.js';

/** The node gets the commit of this job and votes yes. */
export const voteYes = async (node: SimulatedNode, id: string): Promise<CommandMessage> => {
  const commit = await expectFor(node, 'commit', id);
  node.doing = { state: 'committed', jobId: id };
  await node.sendJobMessage('ack_commit', id);
  return commit;
};

/** The node gets the commit of this job and votes no. */
export const voteNo = async (node: SimulatedNode, id: string): Promise<void> => {
  await expectFor(node, 'commit', id);
  await node.sendJobMessage('nack_commit', id);
};

/** The node is told to run this job and does. */
export const startRun = async (node: SimulatedNode, id: string): Promise<void> => {
  await expectFor(node, 'run', id);
  node.doing = { state: 'running', jobId: id };
  await node.sendJobMessage('ack_run', id);
};

/** The node's command has ended, perhaps with output. */
export const endRun = async (
  node: SimulatedNode,
  id: string,
  outcome: 'succeeded' | 'failed' = 'succeeded',
  output: Partial<Pick<JobMessage, 'stdout' | 'stderr'>> = {},
): Promise<void> => {
  node.doing = { state: 'idle', jobId: null };
  await node.sendJobMessage(outcome, id, output);
};

/** The node is told to drop what it does, and has. */
export const answerAbort = async (node: SimulatedNode): Promise<void> => {
  await node.expectCommand('abort');
  node.doing = { state: 'idle', jobId: null };
  await node.sendJobMessage('aborted', null);
};

const expectFor = async (
  node: SimulatedNode,
  type: 'commit' | 'run',
  id: string,
): Promise<CommandMessage> => {
  const command = await node.expectCommand(type);
  if (command.job_id !== id) throw new Error(`the ${type} is for ${command.job_id}, not for ${id}`);
  return command;
};
