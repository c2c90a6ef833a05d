import { formatFeedTimestamp, parseFeedTimestamp } from './wire-time.js';

/** How a node voted (job lifecycle, "Voting"); one spelling is kept as clients know it. */
export type VoteStatus =
  | 'success'
  | 'failure'
  | 'down'
  | 'voting_timeout'
  | 'unexpected_commit'
  | 'lost_availibility'
  | 'client_died_while_voting';

/** How a node's run ended (job lifecycle, "Running"). */
export type RunStatus =
  'success' | 'failure' | 'crashed' | 'run_nacked' | 'run_nacked_while_running' | 'client_died_while_running';

/** The events of a job's feed, without their timestamps (job lifecycle, "Events"). */
export type JobEvent =
  | { readonly name: 'start'; readonly data: JobStartData }
  | { readonly name: 'quorum_vote'; readonly data: { readonly node: string; readonly status: VoteStatus } }
  | { readonly name: 'quorum_succeeded'; readonly data: NoData }
  | { readonly name: 'run_start'; readonly data: { readonly node: string } }
  | { readonly name: 'run_complete'; readonly data: { readonly node: string; readonly status: RunStatus } }
  | { readonly name: 'rehab'; readonly data: { readonly node: string } }
  | { readonly name: 'job_complete'; readonly data: { readonly status: string } };

/** An event that says all by its name. */
export type NoData = Readonly<Record<string, never>>;

/** What a job's `start` event tells; `user` is who asked, `job_user` whom the command runs as. */
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

/** One event as it stands in a feed: `data` is JSON whose first member is the timestamp. */
export interface FeedEvent {
  readonly id: string;
  readonly name: string;
  readonly data: string;
}

/** An event that is not of the numbered ones: a reader that comes back does not go on after it. */
export type UnnumberedEvent = Omit<FeedEvent, 'id'>;

/** The data of an event in the form of a feed; `atMicros` is microseconds since 1970. */
export const toFeedData = (atMicros: number, data: object): string =>
  JSON.stringify({ timestamp: formatFeedTimestamp(atMicros), ...data });

/** Puts an event into the form of a feed; `atMicros` is microseconds since 1970. */
export const toFeedEvent = (id: string, name: string, atMicros: number, data: object): FeedEvent => ({
  id,
  name,
  data: toFeedData(atMicros, data),
});

/** When an event in the form of a feed happened, microseconds since 1970; 0 where its data do not say. */
export const microsOf = ({ data }: FeedEvent): number => {
  const { timestamp } = JSON.parse(data) as { timestamp?: string };
  return parseFeedTimestamp(timestamp ?? '') ?? 0;
};

/** The number of an event, from its id: from 1 up, one after the other. */
export const eventNumber = ({ id }: FeedEvent): number => Number(id.slice(id.lastIndexOf('-') + 1));

/** The bytes of an event in a Server-Sent Events stream. */
export const formatSse = (event: FeedEvent | UnnumberedEvent): string => {
  const { name, data } = event;
  return 'id' in event
    ? `event: ${name}\nid: ${event.id}\ndata: ${data}\n\n`
    : `event: ${name}\ndata: ${data}\n\n`;
};

/** A comment that keeps proxies and readers from giving up on a quiet feed. */
export const SSE_KEEPALIVE = ':keepalive\n';
