import { once } from 'node:events';
import { ApiError } from '../../shared/api-client/api-error.js';
import type { OutputChannel, PushJobsClient } from '../../shared/api-client/push-jobs-client.js';
import { outputPrefix, prefixLines } from '../output/prefix-lines.js';
import { printable } from '../output/printable.js';
import { PROBABLE_CAUSE } from '../run/missing-output.js';
import type { JobProgress } from './job-progress.js';
import type { WriteLines } from './live-output-printer.js';

const MAX_CONCURRENT_REQUESTS = 8;

/** Prints the captured output of each node when it is done, with the node name before each line. */
export class CapturedOutputPrinter {
  private readonly queues: Promise<void>[] = Array.from({ length: MAX_CONCURRENT_REQUESTS }, () =>
    Promise.resolve(),
  );
  private readonly failedNodes: string[] = [];
  private handledCount = 0;
  private progress: JobProgress | undefined;
  private isRetry = false;
  private isClosed = false;

  constructor(
    private readonly client: Pick<PushJobsClient, 'getOutput'>,
    private readonly jobId: string,
    private readonly write: WriteLines,
    /** Decides whether the output of a node that is done is printed. */
    private readonly isWanted: (node: string) => boolean = () => true,
  ) {}

  /** Fetches the output of the nodes that have ended since the last call. */
  update(progress: JobProgress): void {
    const { endedNodes } = progress;
    this.progress = progress;
    for (; this.handledCount < endedNodes.length; this.handledCount++) {
      const node = endedNodes[this.handledCount] ?? '';
      if (this.isWanted(node)) this.enqueue(node, this.handledCount);
    }
  }

  /**
   * Waits for the pending requests and retries the failed ones once; call it once, after the job has ended. If `signal`
   * is aborted, it returns at once and nothing more is printed.
   */
  async finish(signal: AbortSignal): Promise<void> {
    await this.waitForQueues(signal);
    this.isRetry = true;
    this.failedNodes.splice(0).forEach((node, index) => this.enqueue(node, index));
    await this.waitForQueues(signal);
    this.isClosed = true;
  }

  private async waitForQueues(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await Promise.race([Promise.all(this.queues), once(signal, 'abort')]);
    this.isClosed = signal.aborted;
  }

  private enqueue(node: string, index: number): void {
    const queue = index % MAX_CONCURRENT_REQUESTS;
    this.queues[queue] = (this.queues[queue] ?? Promise.resolve()).then(() => this.print(node));
  }

  private async print(node: string): Promise<void> {
    const texts = new Map<OutputChannel, string>();
    for (const channel of ['stdout', 'stderr'] as const) {
      if (this.isClosed) return;
      const text = await this.read(node, channel);
      if (text instanceof ApiError) {
        this.handleError(node, text);
        return;
      }
      texts.set(channel, text);
    }
    for (const [channel, text] of texts) if (text !== '') this.writeUnlessClosed(channel, text);
  }

  private handleError(node: string, error: ApiError): void {
    if (!this.isRetry) {
      this.failedNodes.push(node);
      return;
    }
    const { progress } = this;
    const isExpected = progress?.captures === true && progress.hasResult(node);
    const text = error.code === 'not_found' ? `sent no output, ${PROBABLE_CAUSE}` : error.message;
    if (isExpected || error.code !== 'not_found')
      this.writeUnlessClosed('stdout', `${printable(`${node} | ${text}`)}\n`);
  }

  private writeUnlessClosed(channel: OutputChannel, lines: string): void {
    if (!this.isClosed) this.write(channel, lines);
  }

  private async read(node: string, channel: OutputChannel): Promise<string | ApiError> {
    const output = await this.client.getOutput(this.jobId, node, channel);
    if (!output.ok) return output.error;
    return prefixLines(outputPrefix(node, channel), output.value);
  }
}
