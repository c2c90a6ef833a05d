import type { PushJobsClient } from '../../shared/api-client/push-jobs-client.js';
import type { JobFeedEvent } from '../../shared/protocol/feed-event-schema.js';
import { type JobOutputEvent, OUTPUT_EVENT } from '../../shared/protocol/output-event.js';
import type { CaptureNotice } from './capture-notice.js';
import type { JobProgress } from './job-progress.js';
import { LiveOutputPrinter, type WriteLines } from './live-output-printer.js';
import { NodeOutputPrinter } from './node-output-printer.js';

/** Shows what the nodes of a job write; told of all that comes while the job is followed. */
export interface OutputView {
  /** Each event of the feed, where it wants those of output too. */
  readonly onEvent?: (event: JobFeedEvent | JobOutputEvent) => void;
  take(progress: JobProgress): void;
  /** Waits until all is printed; once for all, at the end. */
  finish(signal: AbortSignal): Promise<void>;
}

const NOT_OFFERED =
  'This server does not send output while commands run: what a node wrote is printed when it is done.\n';

/**
 * Shows output while the commands run. Of a node of which none came so, because it was done too soon, or it or the server
 * cannot do that, it shows what the server keeps when the node is done.
 */
export class LiveOutputView implements OutputView {
  private readonly live: LiveOutputPrinter;
  private readonly kept: NodeOutputPrinter;
  private isOffered = false;
  private hasBegun = false;

  /** `tell` says something to the user about the output. */
  constructor(
    client: Pick<PushJobsClient, 'getOutput'>,
    jobId: string,
    write: WriteLines,
    private readonly tell: (text: string) => void,
    private readonly notice: CaptureNotice,
  ) {
    this.live = new LiveOutputPrinter(write);
    const isMissing = (node: string): boolean => notice.isCaptured && !this.live.knows(node);
    this.kept = new NodeOutputPrinter(client, jobId, write, isMissing);
  }

  readonly onEvent = (event: JobFeedEvent | JobOutputEvent): void => {
    switch (event.name) {
      case OUTPUT_EVENT.open:
        this.isOffered = true;
        return;
      case OUTPUT_EVENT.output:
        return this.live.take(event.data);
      case 'start':
        return this.begin(event.data.capture);
      case 'run_complete':
        return this.live.end(event.data.node);
      case 'summary':
        return this.notice.learn(event.data.capture_output === true);
      default:
    }
  };

  take(progress: JobProgress): void {
    this.kept.take(progress);
  }

  async finish(signal: AbortSignal): Promise<void> {
    this.live.endAll();
    await this.kept.finish(signal);
  }

  /** A feed that is read anew from its beginning begins once more. */
  private begin(isCaptured: boolean): void {
    this.notice.learn(isCaptured);
    if (!this.hasBegun && isCaptured && !this.isOffered) this.tell(NOT_OFFERED);
    this.hasBegun = true;
  }
}
