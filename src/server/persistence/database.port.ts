import { AppError } from '../../shared/lib/app-error.js';

/** Under this token the database is injected. */
export const DATABASE = Symbol('DATABASE');

/** Codes of the AppErrors that a Database throws. */
export const DATABASE_UNAVAILABLE = 'database_unavailable';
export const DATABASE_REFUSED = 'database_refused';

/** The database is away or too busy (`database_unavailable`). */
export class DatabaseUnavailable extends AppError {
  constructor(
    message: string,
    /** Whether what was asked for may have been done all the same, or may yet be: it was sent, and no answer came. */
    readonly mayBeDone = false,
  ) {
    super(DATABASE_UNAVAILABLE, message);
  }
}

/** The database as the stores use it. */
export interface Database {
  /**
   * Runs one statement, a transaction by itself, with `$1`, `$2` … for the parameters, and hands back its rows.
   * Throws an AppError without the parameters: DatabaseUnavailable where it is away or too busy, `database_refused`
   * where the data can never be stored. A statement that has a name (always of the same text) is parsed and planned
   * once on each connection, where the database can do that: for those that run for every job or node.
   */
  query(sql: string, parameters?: readonly unknown[], name?: string): Promise<unknown[]>;
  /** Runs several statements in one transaction; the same errors. */
  transaction<T>(work: (query: Database['query']) => Promise<T>): Promise<T>;
}
