import type { PushJobsClient } from '../../shared/api-client/push-jobs-client.js';
import type { JobFeedEvent } from '../../shared/protocol/feed-event-schema.js';
import { type JobOutputEvent, OUTPUT_EVENT } from '../../shared/protocol/output-event.js';
import type { CaptureNotice } from './capture-notice.js';
import type { JobProgress } from './job-progress.js';
import { LiveOutputPrinter, type WriteLines } from './live-output-printer.js';
import { CapturedOutputPrinter } from './captured-output-printer.js';

/** Shows the output of the nodes while a job is followed. */
export interface OutputView {
  /** Handles each feed event; set only if the view needs live output. */
  readonly onEvent?: (event: JobFeedEvent | JobOutputEvent) => void;
  update(progress: JobProgress): void;
  /** Waits until all output is printed or `signal` is aborted; call it once, after the job has ended. */
  finish(signal: AbortSignal): Promise<void>;
}

const LIVE_OUTPUT_UNSUPPORTED =
  'This server does not send output while commands run: the output of each node is printed when it is done.\n';

/**
 * Shows live output. For a node without live output (the command was too short, or the node or the server does not
 * support it), it shows the captured output when the node is done.
 */
export class LiveOutputView implements OutputView {
  private readonly live: LiveOutputPrinter;
  private readonly captured: CapturedOutputPrinter;
  private isSupported = false;
  private hasStarted = false;

  constructor(
    client: Pick<PushJobsClient, 'getOutput'>,
    jobId: string,
    write: WriteLines,
    private readonly notify: (text: string) => void,
    private readonly notice: CaptureNotice,
  ) {
    this.live = new LiveOutputPrinter(write);
    const needsCaptured = (node: string): boolean => notice.isCaptured && !this.live.hasOutputOf(node);
    this.captured = new CapturedOutputPrinter(client, jobId, write, needsCaptured);
  }

  readonly onEvent = (event: JobFeedEvent | JobOutputEvent): void => {
    switch (event.name) {
      case OUTPUT_EVENT.open:
        this.isSupported = true;
        return;
      case OUTPUT_EVENT.output:
        return this.live.add(event.data);
      case 'start':
        return this.start(event.data.capture);
      case 'run_complete':
        return this.live.end(event.data.node);
      case 'summary':
        return this.notice.update(event.data.capture_output === true);
      default:
    }
  };

  update(progress: JobProgress): void {
    this.captured.update(progress);
  }

  async finish(signal: AbortSignal): Promise<void> {
    this.live.endAll();
    await this.captured.finish(signal);
  }

  /** Called again if the feed is replayed from its beginning. */
  private start(isCaptured: boolean): void {
    this.notice.update(isCaptured);
    if (!this.hasStarted && isCaptured && !this.isSupported) this.notify(LIVE_OUTPUT_UNSUPPORTED);
    this.hasStarted = true;
  }
}
