import { deferred, type Deferred } from '../../src/shared/lib/deferred.js';
import { readSse, type SseOptions } from '../../src/shared/platform/sse/sse-reader.js';

/** Follows the feed of an organization to wait for the ends of jobs. */
export class OrgFeedWatcher {
  private readonly stop = new AbortController();
  private readonly waiting = new Map<string, Deferred<string>>();
  private readonly opened = deferred();

  constructor(http: SseOptions['http'], url: string) {
    const opener: SseOptions['http'] = {
      open: async (request) => {
        const opened = await http.open(request);
        this.opened.resolve();
        return opened;
      },
    };
    void this.read(opener, url);
  }

  /** Resolves when the feed is open; jobs that start later are not missed. */
  ready(): Promise<unknown> {
    return this.opened.promise;
  }

  /** Waits for the end of a job and returns its status; call it once per job. */
  async waitForEndOf(jobId: string): Promise<string> {
    const status = await this.deferredOf(jobId).promise;
    this.waiting.delete(jobId);
    return status;
  }

  close(): void {
    this.stop.abort();
  }

  private async read(http: SseOptions['http'], url: string): Promise<void> {
    for await (const { name, data } of readSse({ http, url, signal: this.stop.signal })) {
      if (name !== 'job_complete') continue;
      const { job, status } = JSON.parse(data) as { job: string; status: string };
      this.deferredOf(job).resolve(status);
    }
  }

  private deferredOf(jobId: string): Deferred<string> {
    const known = this.waiting.get(jobId) ?? deferred<string>();
    this.waiting.set(jobId, known);
    return known;
  }
}
