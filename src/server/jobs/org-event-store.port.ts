import type { FeedEvent } from '../../shared/protocol/feed-event.js';

/** An event of an organization's feed as it was stored; `at` is milliseconds since 1970. */
export interface StoredOrgEvent {
  readonly orgId: string;
  /** The number in its id, `org-<seq>`. */
  readonly seq: number;
  readonly at: number;
  readonly event: FeedEvent;
}

/** Under this token the store of organizations' events is injected. */
export const ORG_EVENT_STORE = Symbol('ORG_EVENT_STORE');

/** The events of the organizations' feeds in the database, so that ids and replay go on after a restart. */
export interface OrgEventStore {
  /** Takes an event over at once; it is stored soon. */
  add(orgId: string, seq: number, at: number, event: FeedEvent): void;
  /** All that is remembered, by organization and number; at least the last event of each organization. */
  load(): Promise<StoredOrgEvent[]>;
  /** Forgets what is older, but for the last event of each organization: the next id follows from it. */
  prune(before: number): Promise<void>;
}
