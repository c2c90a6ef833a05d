import type { CommandMessage } from '../../src/shared/protocol/server-message.js';
import type { SimulatedNode } from './simulated-node.js';

const POLL_EVERY_MS = 5;

/**
 * Lets a simulated node answer every command from now on: it votes yes, runs, and reports this outcome. Returns a
 * function that stops it.
 */
export const answerCommands = (
  node: SimulatedNode,
  outcome: 'succeeded' | 'failed',
  output: { readonly stdout: string; readonly stderr: string },
): (() => void) => {
  let seen = node.commands.length;
  const answer = async (command: CommandMessage): Promise<void> => {
    if (command.type === 'commit') {
      node.reportedState = { state: 'committed', jobId: command.job_id };
      await node.sendJobMessage('ack_commit', command.job_id);
    }
    if (command.type !== 'run') return;
    node.reportedState = { state: 'running', jobId: command.job_id };
    await node.sendJobMessage('ack_run', command.job_id);
    await node.sendJobMessage(outcome, command.job_id, output);
    node.reportedState = { state: 'idle', jobId: null };
  };
  const timer = setInterval(() => {
    for (; seen < node.commands.length; seen++) void answer(node.commands[seen]!);
  }, POLL_EVERY_MS);
  return () => clearInterval(timer);
};
