import { Readable } from 'node:stream';
import type { Logger } from 'pino';
import { messageOf } from '../../../shared/lib/app-error.js';
import { MAX_PAGE } from '../../../shared/protocol/job-list-query.js';
import type { JobFilter, JobPage, JobStore } from '../job-store.port.js';
import { summaryOf } from './job-view.js';

/** Bytes that are made ahead of the reader. */
const AHEAD_BYTES = 64 * 1024;

type Pages = Pick<JobStore, 'page'>;

/**
 * All jobs that the filter lets pass, as the bytes of one JSON array: what `JSON.stringify` would make of it. It is read
 * page by page as its reader takes it, so that it costs the same memory for any number of jobs and any reader. Where the
 * database fails on the way, the stream is destroyed with that error, which the log tells: it never looks complete then.
 */
export const jobListStream = (
  store: Pages,
  orgId: string,
  filter: Omit<JobFilter, 'limit'>,
  logger: Logger,
): Readable =>
  Readable.from(piecesOf(pagesOf(store, orgId, filter), logger), {
    objectMode: false,
    highWaterMark: AHEAD_BYTES,
  });

async function* piecesOf(pages: AsyncIterable<JobPage>, logger: Logger): AsyncGenerator<Buffer> {
  let before = '[';
  try {
    for await (const { jobs } of pages) {
      if (jobs.length === 0) continue;
      yield Buffer.from(before + jobs.map((job) => JSON.stringify(summaryOf(job))).join(','));
      before = ',';
    }
  } catch (thrown) {
    logger.warn({ scope: 'jobs', reason: messageOf(thrown) }, 'a list of jobs was broken off');
    throw thrown;
  }
  yield Buffer.from(before === '[' ? '[]' : ']');
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
