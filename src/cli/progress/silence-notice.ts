import type { PushJobsClient } from '../../shared/api-client/push-jobs-client.js';
import { printable } from '../output/printable.js';
import { shortIsoDate } from '../output/render-job.js';

/** How often a job is checked; a large job less often, because the answer names every node. */
const CHECK_EVERY_MS = 10_000;
const CHECK_EVERY_MS_PER_NODE = 10;

/** While a job is followed, tells which of its nodes are silent: the feed has no events for that. */
export class SilenceNotice {
  private readonly silent = new Map<string, string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly client: Pick<PushJobsClient, 'getJob'>,
    private readonly jobId: string,
    private readonly notify: (text: string) => void,
    private readonly signal: AbortSignal,
  ) {}

  start(): void {
    this.schedule(CHECK_EVERY_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private schedule(ms: number): void {
    this.timer = setTimeout(() => void this.check(), ms).unref();
  }

  /** A failed request changes nothing: whoever follows the job reports errors. */
  private async check(): Promise<void> {
    const job = await this.client.getJob(this.jobId, { details: true, signal: this.signal });
    if (this.timer === undefined || this.signal.aborted) return;
    const nodes = (job.ok ? job.value.details?.nodes : undefined) ?? [];
    for (const { node_name: node, no_contact_since: since } of nodes) {
      if (since === undefined) {
        if (this.silent.delete(node)) this.notify(`Contact with ${printable(node)} is back.\n`);
      } else if (this.silent.get(node) !== since) {
        this.silent.set(node, since);
        this.notify(
          `No contact with ${printable(node)} since ${shortIsoDate(since)}; its command may still run.\n`,
        );
      }
    }
    this.schedule(CHECK_EVERY_MS + nodes.length * CHECK_EVERY_MS_PER_NODE);
  }
}
