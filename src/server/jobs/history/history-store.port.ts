/** Which jobs of an organization are kept; a member that is left out sets no limit. */
export interface Retention {
  /** Maximum age in days. */
  readonly days?: number | undefined;
  /** Maximum number of jobs. */
  readonly jobs?: number | undefined;
}

/** Deletes old jobs and idempotency keys from the database. */
export abstract class HistoryStore {
  /** Returns the guids of all organizations that have jobs. */
  abstract organizations(): Promise<string[]>;
  /**
   * Deletes the jobs of an organization that ended at least an hour ago and exceed the retention, with all their rows;
   * `now` is milliseconds since 1970. Stops soon after the signal aborts. Returns how many jobs were deleted.
   */
  abstract prune(orgId: string, retention: Retention, now: number, signal: AbortSignal): Promise<number>;
  /** Deletes the idempotency keys of requests before this time, in milliseconds since 1970. */
  abstract deleteIdempotencyKeys(before: number): Promise<void>;
}
