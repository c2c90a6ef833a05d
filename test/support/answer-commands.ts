import type { CommandMessage } from '../../src/shared/protocol/server-message.js';
import type { SimulatedNode } from './simulated-node.js';

const LOOK_EVERY_MS = 5;

/**
 * Lets a simulated node play its part in every job: it votes yes, runs, and ends so. Returns what makes it stop; what
 * it was sent before is left alone.
 */
export const answerCommands = (
  node: SimulatedNode,
  outcome: 'succeeded' | 'failed',
  output: { readonly stdout: string; readonly stderr: string },
): (() => void) => {
  let seen = node.commands.length;
  const answer = async (command: CommandMessage): Promise<void> => {
    if (command.type === 'commit') {
      node.doing = { state: 'committed', jobId: command.job_id };
      await node.sendJobMessage('ack_commit', command.job_id);
    }
    if (command.type !== 'run') return;
    node.doing = { state: 'running', jobId: command.job_id };
    await node.sendJobMessage('ack_run', command.job_id);
    await node.sendJobMessage(outcome, command.job_id, output);
    node.doing = { state: 'idle', jobId: null };
  };
  const looking = setInterval(() => {
    for (; seen < node.commands.length; seen++) void answer(node.commands[seen]!);
  }, LOOK_EVERY_MS);
  return () => clearInterval(looking);
};
