import { QueryFailedError } from 'typeorm';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { DatabaseUnavailable } from './database.port.js';

/** Where the database is, for a message: never with the password. */
export interface DatabaseTarget {
  /** Like `db.example.com:5432`, or the folder of the embedded database. */
  readonly where: string;
  readonly database: string;
  readonly user: string;
  /** Where its password stands, as people know the place; default: that of the server's own role. */
  readonly passwordIn?: string;
}

/** SQLSTATE classes of faults that lie in the statement's data, so that it can never succeed. */
const DATA_FAULTS = ['22', '23', '54'];

/** The SQLSTATE or system error code of what was thrown, if it has one. */
const codeOf = (thrown: unknown): string | undefined => {
  const cause: unknown = thrown instanceof QueryFailedError ? thrown.driverError : thrown;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : undefined;
};

/** PostgreSQL's codes have five characters and a digit among them; the system's look like `EPIPE`. */
const isSqlState = (code: string | undefined): code is string =>
  code !== undefined && /^(?=.*\d)[0-9A-Z]{5}$/.test(code);

/**
 * Whether trying again cannot help: the data break a rule of the database, or our own code is at fault. Everything
 * else (away, restarting, out of connections or disk, a dead-lock, missing rights) may be mended from outside.
 */
export const isPermanent = (thrown: unknown): boolean => {
  if (thrown instanceof TypeError || thrown instanceof RangeError) return true;
  const code = codeOf(thrown);
  return isSqlState(code) && DATA_FAULTS.includes(code.slice(0, 2));
};

/** Whether PostgreSQL says that it undid the statement: so it is with its errors, but for those of one that goes down. */
const isUndone = (code: string | undefined): boolean => isSqlState(code) && !/^(08|57P)/.test(code);

/** What the person who runs the server should look at, by SQLSTATE or system error code. */
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

const CHECK_THE_WAY = 'is it reachable from this machine, and are the settings right?';
const LOOK_AT_ITS_LOG = "PostgreSQL's log says more.";

const WRONG_PASSWORD = '28P01';

const adviceFor = (code: string | undefined, { passwordIn }: DatabaseTarget): string => {
  if (code === WRONG_PASSWORD) return `check ${passwordIn ?? 'sql_password in the secrets file'}.`;
  return ADVICE[code ?? ''] ?? (isSqlState(code) ? LOOK_AT_ITS_LOG : CHECK_THE_WAY);
};

/**
 * Turns what the driver threw into an error that says which database it was about and what to check; `wasSent` says
 * whether a statement may have been on its way.
 */
export const toDatabaseError = (thrown: unknown, target: DatabaseTarget, wasSent = false): AppError => {
  if (thrown instanceof AppError) return thrown;
  const code = codeOf(thrown);
  const advice = adviceFor(code, target);
  return new DatabaseUnavailable(
    `cannot use the database ${target.database} at ${target.where} as ${target.user}: ${messageOf(thrown)}; ${advice}`,
    wasSent && !isUndone(code),
  );
};
