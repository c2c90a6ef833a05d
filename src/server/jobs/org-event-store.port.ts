import type { FeedEvent } from '../../shared/protocol/feed-event.js';

/** A stored event of an organization feed; `at` is milliseconds since 1970. */
export interface StoredOrgEvent {
  readonly orgId: string;
  /** The number in its id, `org-<seq>`. */
  readonly seq: number;
  readonly at: number;
  readonly event: FeedEvent;
}

/** The events of organization feeds in the database: ids and replay continue after a restart. */
export abstract class OrgEventStore {
  /** Queues an event to be stored. */
  abstract add(orgId: string, seq: number, at: number, event: FeedEvent): void;
  /** Returns all stored events, sorted by organization and number; at least the last one of each organization. */
  abstract load(): Promise<StoredOrgEvent[]>;
  /** Deletes older events. Keeps the last one of each organization, from which the next id follows. */
  abstract prune(before: number): Promise<void>;
}
