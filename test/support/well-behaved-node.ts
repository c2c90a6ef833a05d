import type { CommandMessage } from '../../src/shared/protocol/server-message.js';
import type { SimulatedNode } from './simulated-node.js';

const POLL_EVERY_MS = 5;

/** What a node has just done in a job. */
export type NodeStep = 'got commit' | 'voted' | 'got run' | 'started' | 'ended';

/** Lets a simulated node react to commands as a correct client does, and counts its runs. Stop it at the end. */
export class WellBehavedNode {
  /** Number of runs by job id. */
  readonly runs = new Map<string, number>();
  private readonly poll: NodeJS.Timeout;
  private command: NodeJS.Timeout | undefined;
  private seen: number;

  /** Its commands take `runMs` milliseconds; it calls `onStep` right after each step. */
  constructor(
    private readonly node: SimulatedNode,
    private readonly runMs: number,
    private readonly onStep: (step: NodeStep) => void,
  ) {
    this.seen = node.commands.length;
    this.poll = setInterval(() => {
      for (; this.seen < node.commands.length; this.seen++) void this.answer(node.commands[this.seen]!);
    }, POLL_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.poll);
    clearTimeout(this.command);
  }

  private async answer(command: CommandMessage): Promise<void> {
    const { node } = this;
    switch (command.type) {
      case 'ack':
      case 'output_wanted': // sent only to clients that announce `output_every_ms`
      case 'result_stored': // sent only to clients that want their results confirmed
      case 'result_unknown':
        return;
      case 'abort':
        clearTimeout(this.command);
        node.reportedState = { state: 'idle', jobId: null };
        return node.sendJobMessage('aborted', null);
      case 'commit':
        this.onStep('got commit');
        if (node.reportedState.state !== 'idle') return node.sendJobMessage('nack_commit', command.job_id);
        node.reportedState = { state: 'committed', jobId: command.job_id };
        await node.sendJobMessage('ack_commit', command.job_id);
        this.onStep('voted');
        return;
      case 'run':
        return this.run(command.job_id);
    }
  }

  private async run(id: string): Promise<void> {
    const { node } = this;
    this.onStep('got run');
    if (node.reportedState.state !== 'committed' || node.reportedState.jobId !== id)
      return node.sendJobMessage('nack_run', id);
    node.reportedState = { state: 'running', jobId: id };
    this.runs.set(id, (this.runs.get(id) ?? 0) + 1);
    this.command = setTimeout(() => void this.end(id), this.runMs);
    await node.sendJobMessage('ack_run', id);
    this.onStep('started');
  }

  private async end(id: string): Promise<void> {
    this.node.reportedState = { state: 'idle', jobId: null };
    await this.node.sendJobMessage('succeeded', id);
    this.onStep('ended');
  }
}
