import { Readable } from 'node:stream';
import type { Logger } from 'pino';
import { messageOf } from '../../../shared/lib/app-error.js';
import { MAX_PAGE } from '../../../shared/protocol/job-list-query.js';
import type { JobFilter, JobPage, JobStore } from '../job-store.port.js';
import { toJobSummary } from './job-view.js';

/** How many bytes are buffered for the reader. */
const BUFFERED_BYTES = 64 * 1024;

type Pages = Pick<JobStore, 'page'>;

/**
 * Streams all jobs that match the filter as one JSON array, the same bytes as `JSON.stringify` makes. It reads the next
 * page when the reader has taken the one before, so memory does not grow with the number of jobs or a slow reader. If
 * the database fails, the error is logged and destroys the stream, so the array never looks complete.
 */
export const jobListStream = (
  store: Pages,
  orgId: string,
  filter: Omit<JobFilter, 'limit'>,
  logger: Logger,
): Readable =>
  Readable.from(chunksOf(pagesOf(store, orgId, filter), logger), {
    objectMode: false,
    highWaterMark: BUFFERED_BYTES,
  });

async function* chunksOf(pages: AsyncIterable<JobPage>, logger: Logger): AsyncGenerator<Buffer> {
  let prefix = '[';
  try {
    for await (const { jobs } of pages) {
      if (jobs.length === 0) continue;
      yield Buffer.from(prefix + jobs.map((job) => JSON.stringify(toJobSummary(job))).join(','));
      prefix = ',';
    }
  } catch (thrown) {
    logger.warn({ scope: 'jobs', reason: messageOf(thrown) }, 'cannot complete a list of jobs');
    throw thrown;
  }
  yield Buffer.from(prefix === '[' ? '[]' : ']');
}

async function* pagesOf(
  store: Pages,
  orgId: string,
  filter: Omit<JobFilter, 'limit'>,
): AsyncGenerator<JobPage> {
  let page = await store.page(orgId, { ...filter, limit: MAX_PAGE });
  yield page;
  while (page.next !== undefined) {
    page = await store.page(orgId, { ...filter, limit: MAX_PAGE, after: page.next });
    yield page;
  }
}
