import type { z } from 'zod';
import { readSse } from '../platform/sse/sse-reader.js';
import type { SseEvent } from '../platform/sse/sse-connection.js';
import { SseFault } from '../platform/sse/sse-fault.js';
import {
  JOB_FEED_EVENT_NAMES,
  type JobFeedEvent,
  jobFeedEventSchema,
} from '../protocol/feed-event-schema.js';
import { type JobOutputEvent, OUTPUT_EVENT, outputEventSchema } from '../protocol/output-event.js';
import { ApiError, errorOfAnswer } from './api-error.js';
import { type RestCaller, serverTextOf } from './rest-caller.js';

/** How a feed is read; times are in milliseconds. */
export interface FeedOptions {
  /** Begin after this event; an id that the server does not know means from the beginning. */
  readonly lastEventId?: string;
  /** Connections in a row that bring nothing before it gives up (default 5). */
  readonly maxAttempts?: number;
  /** A connection without even a keepalive for this long is made anew (default 45,000). */
  readonly quietMs?: number;
  /** The wait before the next attempt; it doubles with each that fails (default 500). */
  readonly firstDelayMs?: number;
  /**
   * Also gives what the nodes write while they run, of a job with `capture_output`, as far as the server and the nodes
   * can: an event `output_open` first for each connection where the server does, then `output`.
   */
  readonly output?: boolean;
  /** Ends the reading, quietly. */
  readonly signal?: AbortSignal;
}

const MAX_ATTEMPTS = 5;

const OUTPUT_EVENT_NAMES: ReadonlySet<string> = new Set(Object.values(OUTPUT_EVENT));

/**
 * The events of a job, from its start to its end, over broken connections too, and perhaps its output, no chunk of it
 * twice; ends by itself after `job_complete` or `summary`. Throws an ApiError where the feed cannot be had.
 */
export async function* readJobFeed(
  rest: RestCaller,
  jobId: string,
  options: FeedOptions = {},
): AsyncGenerator<JobFeedEvent | JobOutputEvent, void> {
  const query = options.output === true ? '?output=true' : '';
  const url = rest.url(`pushy/job_status_feed/${encodeURIComponent(jobId)}${query}`);
  const lastChunks = new Map<string, number>();
  try {
    for await (const raw of readSse({ maxAttempts: MAX_ATTEMPTS, ...options, http: rest.http, url })) {
      if (options.output === true && OUTPUT_EVENT_NAMES.has(raw.name)) {
        const output = parse(outputEventSchema, url, raw);
        if (isNew(output, lastChunks)) yield output;
        continue;
      }
      if (!JOB_FEED_EVENT_NAMES.has(raw.name)) continue; // a newer server may tell more
      const event = parse(jobFeedEventSchema, url, raw);
      yield event;
      if (event.name === 'job_complete' || event.name === 'summary') return;
    }
  } catch (thrown) {
    throw thrown instanceof SseFault ? errorOfSse(url, thrown) : thrown;
  }
}

/** A feed that is read anew gives the latest output once more. */
const isNew = (event: JobOutputEvent, lastChunks: Map<string, number>): boolean => {
  if (event.name === OUTPUT_EVENT.open) return true;
  const { node, chunk } = event.data;
  if (chunk <= (lastChunks.get(node) ?? 0)) return false;
  lastChunks.set(node, chunk);
  return true;
};

const parse = <Schema extends z.ZodType>(
  schema: Schema,
  url: string,
  { name, id, data }: SseEvent,
): z.infer<Schema> => {
  const parsed = schema.safeParse({ name, id, data: readJson(data) });
  if (parsed.success) return parsed.data;
  throw new ApiError('unexpected_answer', `${url} sent an event '${name}' that cannot be read: ${data}`);
};

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no schema takes undefined, so the caller reports it
  }
};

const errorOfSse = (url: string, { code, message, answer }: SseFault): ApiError => {
  if (code === 'feed_lost') return new ApiError('unreachable', message);
  return answer === undefined || answer.status === 200
    ? new ApiError('unexpected_answer', message, answer?.status)
    : errorOfAnswer(url, answer.status, serverTextOf(answer.body));
};
