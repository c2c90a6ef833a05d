import type { CommandMessage } from '../../src/shared/protocol/server-message.js';
import type { SimulatedNode } from './simulated-node.js';

const POLL_EVERY_MS = 5;
const REPEAT_EVERY_MS = 1_000;

/**
 * Lets a simulated node run jobs as a correct client does, and repeat each result until `resultIsStored`: so no result is
 * lost because the server was lost that got it. Stop it at the end.
 */
export class ResultKeepingNode {
  /** Number of runs by job id. */
  readonly runs = new Map<string, number>();
  private readonly timers: NodeJS.Timeout[];
  private command: NodeJS.Timeout | undefined;
  private unstored: string | undefined;
  private seen: number;

  /** Its commands take `runMs()` milliseconds. */
  constructor(
    readonly name: string,
    private readonly node: SimulatedNode,
    private readonly runMs: () => number,
  ) {
    this.seen = node.commands.length;
    this.timers = [
      setInterval(() => {
        for (; this.seen < node.commands.length; this.seen++) void this.answer(node.commands[this.seen]!);
      }, POLL_EVERY_MS),
      setInterval(() => void this.report(), REPEAT_EVERY_MS),
    ];
  }

  /** The job whose result it repeats. */
  get unstoredResult(): string | undefined {
    return this.unstored;
  }

  /** The result that it repeats is stored: it is idle. */
  resultIsStored(): void {
    this.unstored = undefined;
    this.node.reportedState = { state: 'idle', jobId: null };
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
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
        this.resultIsStored();
        return node.sendJobMessage('aborted', null);
      case 'commit':
        if (node.reportedState.state !== 'idle' && node.reportedState.jobId !== command.job_id)
          return node.sendJobMessage('nack_commit', command.job_id);
        node.reportedState = { state: 'committed', jobId: command.job_id };
        return node.sendJobMessage('ack_commit', command.job_id);
      case 'run':
        return this.run(command.job_id);
    }
  }

  private async run(id: string): Promise<void> {
    const { node } = this;
    if (node.reportedState.state === 'running' && node.reportedState.jobId === id)
      return node.sendJobMessage('ack_run', id);
    if (node.reportedState.state !== 'committed' || node.reportedState.jobId !== id)
      return node.sendJobMessage('nack_run', id);
    node.reportedState = { state: 'running', jobId: id };
    this.runs.set(id, (this.runs.get(id) ?? 0) + 1);
    this.command = setTimeout(() => {
      this.unstored = id;
      void this.report();
    }, this.runMs());
    await node.sendJobMessage('ack_run', id);
  }

  private async report(): Promise<void> {
    if (this.unstored !== undefined) await this.node.sendJobMessage('succeeded', this.unstored);
  }
}
