import { QueryFailedError } from 'typeorm';
import { AppError, errorCode, messageOf } from '../../shared/lib/app-error.js';
import { DatabaseUnavailable } from './database.port.js';

/** The database as error texts name it, without the password. */
export interface DatabaseTarget {
  /** Like `db.example.com:5432`, or the folder of the embedded database. */
  readonly where: string;
  readonly database: string;
  readonly user: string;
  /** Where users find the password; default: the place of the server's own password. */
  readonly passwordIn?: string;
}

/** SQLSTATE classes of faults in the statement's data; a statement with these can never succeed. */
const DATA_FAULTS = ['22', '23', '54'];

/** Returns the SQLSTATE or system error code of an error, if it has one. */
const codeOf = (thrown: unknown): string | undefined =>
  errorCode(thrown instanceof QueryFailedError ? thrown.driverError : thrown);

/** A SQLSTATE has five characters with at least one digit; system error codes look like `EPIPE`. */
const isSqlState = (code: string | undefined): code is string =>
  code !== undefined && /^(?=.*\d)[0-9A-Z]{5}$/.test(code);

/** Whether our own code is at fault. That says nothing about the data. */
export const isBug = (thrown: unknown): boolean =>
  thrown instanceof TypeError || thrown instanceof RangeError || thrown instanceof ReferenceError;

/**
 * Returns whether a retry can never succeed because the data are bad. All other faults of the database (unavailable, out of
 * connections or disk, a deadlock, missing rights) may go away or be fixed by an administrator.
 */
export const isPermanent = (thrown: unknown): boolean => {
  const code = codeOf(thrown);
  return isSqlState(code) && DATA_FAULTS.includes(code.slice(0, 2));
};

/** Whether PostgreSQL rolled the statement back: true for its errors, except those of a shutdown or of the connection. */
const isRolledBack = (code: string | undefined): boolean => isSqlState(code) && !/^(08|57P)/.test(code);

/** What an administrator should check, by SQLSTATE or system error code. */
const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'is PostgreSQL running there, and does it listen on that address?',
  ENOTFOUND: 'is the host name right?',
  EAI_AGAIN: 'does name resolution work on this machine?',
  EHOSTUNREACH: 'is the network up?',
  ETIMEDOUT: 'is a firewall between the two?',
  '28000': 'check pg_hba.conf and the name of the role.',
  '3D000': 'the database is missing; run: opscode-push-jobs-server-ctl reconfigure',
  '42501': 'the role must own the tables; run as the superuser: opscode-push-jobs-server-ctl upgrade',
  '53100': 'the disk of the database server is full.',
  '53300': 'raise max_connections of PostgreSQL or lower db_pool_size.',
  '57014': 'it took longer than a statement may; is the database overloaded, or a table locked?',
  '57P03': 'PostgreSQL is starting or stopping; try again in a moment.',
};

const CHECK_CONNECTION = 'is it reachable from this machine, and are the settings right?';
const CHECK_LOG = "PostgreSQL's log says more.";

const WRONG_PASSWORD = '28P01';

const adviceFor = (code: string | undefined, { passwordIn }: DatabaseTarget): string => {
  if (code === WRONG_PASSWORD) return `check ${passwordIn ?? 'sql_password in the secrets file'}.`;
  return ADVICE[code ?? ''] ?? (isSqlState(code) ? CHECK_LOG : CHECK_CONNECTION);
};

/**
 * Converts an error of the driver into one that names the database and what to check; `wasSent` is whether a statement
 * may have been sent.
 */
export const toDatabaseError = (thrown: unknown, target: DatabaseTarget, wasSent = false): AppError => {
  if (thrown instanceof AppError) return thrown;
  const code = codeOf(thrown);
  const advice = adviceFor(code, target);
  return new DatabaseUnavailable(
    `cannot use the database ${target.database} at ${target.where} as ${target.user}: ${messageOf(thrown)}; ${advice}`,
    wasSent && !isRolledBack(code),
  );
};
