import { AppError } from '../../shared/lib/app-error.js';

/** Codes of the AppErrors that a Database throws. */
export const DATABASE_UNAVAILABLE = 'database_unavailable';
export const DATABASE_REFUSED = 'database_refused';

/** The database cannot be reached, or is too busy (`database_unavailable`). */
export class DatabaseUnavailable extends AppError {
  constructor(
    message: string,
    /** Whether the statement may have run, or may still run: it was sent, and no reply came. */
    readonly mayHaveRun = false,
  ) {
    super(DATABASE_UNAVAILABLE, message);
  }
}

/** The database as the stores use it. */
export abstract class Database {
  /**
   * Runs one statement in its own transaction and returns its rows; the SQL refers to parameters as `$1`, `$2` …
   * A statement with a name is parsed and planned once per connection if the database supports that; one name must
   * always have the same SQL. Use names for statements that run for every job or node.
   *
   * Throws an AppError that never contains parameters: DatabaseUnavailable if the database cannot be reached or is too
   * busy, `database_refused` if the data can never be stored. Any other error is a bug of ours.
   */
  abstract query(sql: string, parameters?: readonly unknown[], name?: string): Promise<unknown[]>;
  /** Runs several statements in one transaction; throws the same errors as `query`. */
  abstract transaction<T>(work: (query: Database['query']) => Promise<T>): Promise<T>;
}
