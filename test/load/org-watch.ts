import { deferred, type Deferred } from '../../src/shared/lib/deferred.js';
import { readSse, type SseOptions } from '../../src/shared/platform/sse/sse-reader.js';

/** Reads an organization's feed and tells when jobs end. */
export class OrgWatch {
  private readonly stop = new AbortController();
  private readonly waiting = new Map<string, Deferred<string>>();
  private readonly opened = deferred();

  constructor(http: SseOptions['http'], url: string) {
    const opener: SseOptions['http'] = {
      open: async (request) => {
        const answer = await http.open(request);
        this.opened.resolve();
        return answer;
      },
    };
    void this.read(opener, url);
  }

  /** Resolves when the feed is open: no later job is missed. */
  ready(): Promise<unknown> {
    return this.opened.promise;
  }

  /** The status that a job ended with; to be asked for once. */
  async endOf(jobId: string): Promise<string> {
    const status = await this.of(jobId).promise;
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
      this.of(job).resolve(status);
    }
  }

  private of(jobId: string): Deferred<string> {
    const known = this.waiting.get(jobId) ?? deferred<string>();
    this.waiting.set(jobId, known);
    return known;
  }
}
