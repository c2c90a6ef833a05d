import { formatFeedTimestamp, parseFeedTimestamp } from './wire-time.js';

/** How a node voted. `lost_availibility` keeps the spelling that clients know. See docs/spec/job-lifecycle.md, "Voting". */
export type VoteStatus =
  | 'success'
  | 'failure'
  | 'down'
  | 'voting_timeout'
  | 'unexpected_commit'
  | 'lost_availibility'
  | 'client_died_while_voting';

/** How a node's run ended. See docs/spec/job-lifecycle.md, "Running". */
export type RunStatus =
  'success' | 'failure' | 'crashed' | 'run_nacked' | 'run_nacked_while_running' | 'client_died_while_running';

/** The events of a job feed without their timestamps. See docs/spec/job-lifecycle.md, "Events". */
export type JobEvent =
  | { readonly name: 'start'; readonly data: JobStartData }
  | { readonly name: 'quorum_vote'; readonly data: { readonly node: string; readonly status: VoteStatus } }
  | { readonly name: 'quorum_succeeded'; readonly data: NoData }
  | { readonly name: 'run_start'; readonly data: { readonly node: string } }
  | { readonly name: 'run_complete'; readonly data: { readonly node: string; readonly status: RunStatus } }
  | { readonly name: 'rehab'; readonly data: { readonly node: string } }
  | { readonly name: 'job_complete'; readonly data: { readonly status: string } };

export type NoData = Readonly<Record<string, never>>;

/** Data of a `start` event; `user` started the job, the command runs as `job_user`. */
export interface JobStartData {
  readonly command: string;
  readonly run_timeout: number;
  readonly quorum: number;
  readonly node_count: number;
  readonly user: string;
  readonly job_user?: string;
  readonly dir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly file_specified?: true;
  readonly capture: boolean;
}

/** One event in the form of a feed: `data` is JSON whose first member is the timestamp. */
export interface FeedEvent {
  readonly id: string;
  readonly name: string;
  readonly data: string;
}

/** An event without a number; a reader that reconnects cannot continue after it. */
export type UnnumberedEvent = Omit<FeedEvent, 'id'>;

/** Formats the data of an event for a feed; `atMicros` is in microseconds since 1970. */
export const toFeedData = (atMicros: number, data: object): string =>
  JSON.stringify({ timestamp: formatFeedTimestamp(atMicros), ...data });

/** Formats an event for a feed; `atMicros` is in microseconds since 1970. */
export const toFeedEvent = (id: string, name: string, atMicros: number, data: object): FeedEvent => ({
  id,
  name,
  data: toFeedData(atMicros, data),
});

/** The time of an event, in microseconds since 1970; 0 if its data has no timestamp. */
export const microsOf = ({ data }: FeedEvent): number => {
  const { timestamp } = JSON.parse(data) as { timestamp?: string };
  return parseFeedTimestamp(timestamp ?? '') ?? 0;
};

/** The number of an event, from its id; events are numbered consecutively from 1. */
export const eventNumber = ({ id }: FeedEvent): number => Number(id.slice(id.lastIndexOf('-') + 1));

/** Formats an event for a Server-Sent Events stream. */
export const formatSse = (event: FeedEvent | UnnumberedEvent): string => {
  const { name, data } = event;
  return 'id' in event
    ? `event: ${name}\nid: ${event.id}\ndata: ${data}\n\n`
    : `event: ${name}\ndata: ${data}\n\n`;
};

/** A comment that keeps proxies and readers from closing a quiet feed. */
export const SSE_KEEPALIVE = ':keepalive\n';
