import type { CommandMessage } from '../../src/shared/protocol/server-message.js';
import type { SimulatedNode } from './simulated-node.js';

const LOOK_EVERY_MS = 5;

/** What a node has just done. */
export type FaithfulStep = 'got commit' | 'voted' | 'got run' | 'started' | 'ended';

/** Lets a simulated node behave as a client does that is in order, and counts what it ran. Stop it at the end. */
export class FaithfulNode {
  /** How often it ran the command of each job. */
  readonly runs = new Map<string, number>();
  private readonly looking: NodeJS.Timeout;
  private command: NodeJS.Timeout | undefined;
  private seen: number;

  /** Its commands take `runMs` milliseconds; `onStep` is told what it does, as soon as it has done so. */
  constructor(
    private readonly node: SimulatedNode,
    private readonly runMs: number,
    private readonly onStep: (step: FaithfulStep) => void,
  ) {
    this.seen = node.commands.length;
    this.looking = setInterval(() => {
      for (; this.seen < node.commands.length; this.seen++) void this.answer(node.commands[this.seen]!);
    }, LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.looking);
    clearTimeout(this.command);
  }

  private async answer(command: CommandMessage): Promise<void> {
    const { node } = this;
    switch (command.type) {
      case 'ack':
      case 'output_wanted': // only clients that name `output_every_ms` get it
        return;
      case 'abort':
        clearTimeout(this.command);
        node.doing = { state: 'idle', jobId: null };
        return node.sendJobMessage('aborted', null);
      case 'commit':
        this.onStep('got commit');
        if (node.doing.state !== 'idle') return node.sendJobMessage('nack_commit', command.job_id);
        node.doing = { state: 'committed', jobId: command.job_id };
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
    if (node.doing.state !== 'committed' || node.doing.jobId !== id)
      return node.sendJobMessage('nack_run', id);
    node.doing = { state: 'running', jobId: id };
    this.runs.set(id, (this.runs.get(id) ?? 0) + 1);
    this.command = setTimeout(() => void this.end(id), this.runMs);
    await node.sendJobMessage('ack_run', id);
    this.onStep('started');
  }

  private async end(id: string): Promise<void> {
    this.node.doing = { state: 'idle', jobId: null };
    await this.node.sendJobMessage('succeeded', id);
    this.onStep('ended');
  }
}
