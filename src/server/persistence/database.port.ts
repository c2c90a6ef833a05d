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

/** Another server owns the organization now, so nothing was changed. This server no longer acts. */
export class NotOwner extends DatabaseUnavailable {
  constructor() {
    super('this server is not the active one: another has taken over');
  }
}

/**
 * Which organizations this server owns: only the owner changes their rows, and PostgreSQL checks that with each
 * statement. A server that is found not to be the owner resigns its leadership. See docs/spec/database.md, "Ownership".
 */
export abstract class OrgOwnership {
  /**
   * Makes this server the only one that may claim organizations, and the owner of all of them. Statements of other
   * servers in progress have ended then, and later ones change nothing: so what is read after this stays true.
   */
  abstract takeOver(): Promise<void>;
  /** Returns the fencing tokens of these organizations; claims those that are new. Throws NotOwner. */
  abstract fencesOf(orgIds: readonly string[]): Promise<readonly string[]>;
  /**
   * Runs a statement that changes rows of an organization; `ifOwned` makes its SQL, which gets organization and fence as
   * its last two parameters. Throws NotOwner if nothing was changed because another server owns the organization, and
   * the same errors as `query`.
   */
  abstract write(orgId: string, sql: string, parameters: readonly unknown[], name?: string): Promise<void>;
  /** Checks the result of a statement that returns how many organizations were `owned`. Throws NotOwner. */
  abstract check(rows: readonly unknown[], owned: number): void;
}

/**
 * Returns the SQL for `OrgOwnership.write`: it makes the changes only if the relation `owned` has a row, which each of
 * them must read. `changes` are named subqueries of a WITH with `parameterCount` parameters.
 */
export const ifOwned = (parameterCount: number, changes: string): string => `
  WITH owned AS MATERIALIZED (
    SELECT org_id FROM org_owners
    WHERE org_id = $${parameterCount + 1}::bpchar AND fence = $${parameterCount + 2}::bigint FOR SHARE
  ), ${changes}
  SELECT count(*)::int AS owned FROM owned`;

/** The database as the stores use it. */
export abstract class Database {
  /** The organizations whose rows may be changed. */
  abstract readonly ownership: OrgOwnership;
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
