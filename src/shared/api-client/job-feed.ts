import type { z } from 'zod';
import { readSse } from '../platform/sse/sse-reader.js';
import { type SseEvent, SseFault } from '../platform/sse/sse-connection.js';
import {
  JOB_FEED_EVENT_NAMES,
  type JobFeedEvent,
  jobFeedEventSchema,
} from '../protocol/feed-event-schema.js';
import { type JobOutputEvent, OUTPUT_EVENT, outputEventSchema } from '../protocol/output-event.js';
import { ApiError, errorOfResponse } from './api-error.js';
import { type RestCaller, errorTextOf } from './rest-caller.js';
import { jsonOrUndefined } from '../lib/json.js';

/** How to read a feed; times are in milliseconds. */
export interface FeedOptions {
  /** Start after this event; the feed starts from its beginning if the server does not know the id. */
  readonly lastEventId?: string;
  /** Gives up after this many connections in a row without a byte (default 5). */
  readonly maxAttempts?: number;
  /** Reconnects after this time without a byte, not even a keepalive (default 45,000). */
  readonly quietMs?: number;
  /** Delay before the first retry; it doubles with each failed attempt (default 500). */
  readonly firstDelayMs?: number;
  /**
   * Also yields the live output of a job with `capture_output`, if server and nodes support that: first an event
   * `output_open` for each connection, then `output` events.
   */
  readonly output?: boolean;
  /** Ends reading without an error. */
  readonly signal?: AbortSignal;
}

const MAX_ATTEMPTS = 5;

const OUTPUT_EVENT_NAMES: ReadonlySet<string> = new Set(Object.values(OUTPUT_EVENT));

/**
 * Yields the events of a job from its start to its end, and its live output if requested, each event and chunk once even
 * if connections break. Ends after `job_complete` or `summary`. Throws an ApiError if the feed cannot be read.
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
        if (isNewOutput(output, lastChunks)) yield output;
        continue;
      }
      if (!JOB_FEED_EVENT_NAMES.has(raw.name)) continue; // from a newer server
      const event = parse(jobFeedEventSchema, url, raw);
      yield event;
      if (event.name === 'job_complete' || event.name === 'summary') return;
    }
  } catch (thrown) {
    throw thrown instanceof SseFault ? errorOfSse(url, thrown) : thrown;
  }
}

/** Whether this chunk was not yielded before: after a reconnect the server sends the latest output again. */
const isNewOutput = (event: JobOutputEvent, lastChunks: Map<string, number>): boolean => {
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
  const parsed = schema.safeParse({ name, id, data: jsonOrUndefined(data) });
  if (parsed.success) return parsed.data;
  throw new ApiError('unexpected_answer', `${url} sent an event '${name}' that cannot be read: ${data}`);
};

const errorOfSse = (url: string, { code, message, response }: SseFault): ApiError => {
  if (code === 'feed_lost') return new ApiError('unreachable', message);
  return response === undefined || response.status === 200
    ? new ApiError('unexpected_answer', message, response?.status)
    : errorOfResponse(url, response.status, errorTextOf(response.body));
};
