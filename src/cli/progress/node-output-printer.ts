import { once } from 'node:events';
import { ApiError } from '../../shared/api-client/api-error.js';
import type { OutputChannel, PushJobsClient } from '../../shared/api-client/push-jobs-client.js';
import { outputPrefix, prefixLines } from '../output/prefix-lines.js';
import { printable } from '../output/printable.js';
import type { JobProgress } from './job-progress.js';
import type { WriteLines } from './live-output-printer.js';

/** Requests for output at a time. */
const LANES = 8;

/** Prints what the nodes of a job wrote, each node's as soon as it is done, each line with the node's name before it. */
export class NodeOutputPrinter {
  private readonly lanes: Promise<void>[] = Array.from({ length: LANES }, () => Promise.resolve());
  private readonly again: string[] = [];
  private taken = 0;
  private isLast = false;
  private isOver = false;

  constructor(
    private readonly client: Pick<PushJobsClient, 'getOutput'>,
    private readonly jobId: string,
    private readonly write: WriteLines,
    /** Whether a node that is done is to be printed. */
    private readonly isWanted: (node: string) => boolean = () => true,
  ) {}

  /** Asks for the output of the nodes that were done since the last time. */
  take({ ranToEnd }: JobProgress): void {
    for (; this.taken < ranToEnd.length; this.taken++) {
      const node = ranToEnd[this.taken] ?? '';
      if (this.isWanted(node)) this.enqueue(node, this.taken);
    }
  }

  /**
   * Waits for all that is under way, and asks once more for what was not there; once for all, at the end of the job.
   * `signal` ends the waiting, however long the server takes; nothing is printed after that.
   */
  async finish(signal: AbortSignal): Promise<void> {
    await this.settle(signal);
    this.isLast = true;
    this.again.splice(0).forEach((node, index) => this.enqueue(node, index));
    await this.settle(signal);
    this.isOver = true;
  }

  private async settle(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await Promise.race([Promise.all(this.lanes), once(signal, 'abort')]);
    this.isOver = signal.aborted;
  }

  private enqueue(node: string, index: number): void {
    const lane = index % LANES;
    this.lanes[lane] = (this.lanes[lane] ?? Promise.resolve()).then(() => this.print(node));
  }

  private async print(node: string): Promise<void> {
    const texts = new Map<OutputChannel, string>();
    for (const channel of ['stdout', 'stderr'] as const) {
      if (this.isOver) return;
      const text = await this.read(node, channel);
      if (text instanceof ApiError) {
        if (!this.isLast) this.again.push(node);
        else if (text.code !== 'not_found')
          this.say(
            'stdout',
            `${printable(`${node} | ${text.message}`)}
`,
          );
        return;
      }
      texts.set(channel, text);
    }
    for (const [channel, text] of texts) if (text !== '') this.say(channel, text);
  }

  private say(channel: OutputChannel, lines: string): void {
    if (!this.isOver) this.write(channel, lines);
  }

  private async read(node: string, channel: OutputChannel): Promise<string | ApiError> {
    const output = await this.client.getOutput(this.jobId, node, channel);
    if (!output.ok) return output.error;
    return prefixLines(outputPrefix(node, channel), output.value);
  }
}
