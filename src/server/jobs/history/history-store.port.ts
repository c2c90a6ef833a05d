/** Under this token the history store is injected. */
export const HISTORY_STORE = Symbol('HISTORY_STORE');

/** How much of an organization's history is kept; what is left out has no limit. */
export interface Retention {
  /** Jobs that are older go, in days. */
  readonly days?: number | undefined;
  /** So many of the newest stay. */
  readonly jobs?: number | undefined;
}

/** What makes the database forget. */
export interface HistoryStore {
  /** The guids of all organizations that have jobs. */
  organizations(): Promise<string[]>;
  /**
   * Removes jobs of an organization, with all that belongs to them, that ended at least an hour ago and that it does
   * not keep; `now` is milliseconds since 1970. Stops soon where the signal says so. Hands back how many went.
   */
  prune(orgId: string, retention: Retention, now: number, signal: AbortSignal): Promise<number>;
  /** Forgets which requests came before that time, milliseconds since 1970. */
  forgetRequests(before: number): Promise<void>;
}
