import pg from 'pg';
import { AppError } from '../../../src/shared/lib/app-error.js';
import { type Connection, connectionOf } from '../../../src/server/persistence/connection-options.js';
import type { Product } from '../settings/resolve-settings.js';
import { scramVerifier } from './scram.js';
import { isLetIn, type Mode, type Session, withSession } from './session.js';

/** Older servers lack what the migrations need. */
const OLDEST_VERSION_NUMBER = 130_000;

/** A database that every PostgreSQL server has. */
const MAINTENANCE_DATABASE = 'postgres';

/** Passwords by role. */
export interface DatabasePasswords {
  readonly owner: string;
  readonly readOnly: string;
  /** Undefined where nobody told us. */
  readonly superuser: string | undefined;
}

const quoted = (name: string): string => pg.escapeIdentifier(name);

type PostgresSettings = Product['settings']['postgresql'];

type Role = 'db_superuser' | 'sql_user' | 'sql_ro_user';

/** Where the password of each role stands. */
const PASSWORD_IN: Readonly<Record<Role, string>> = {
  db_superuser:
    'the password of db_superuser: in the file that --db-superuser-password-file names, or else in the secrets file ' +
    '(postgresql, db_superuser_password)',
  sql_user: 'sql_password in the secrets file',
  sql_ro_user: 'sql_ro_password in the secrets file',
};

/** The way to a database as one of its roles. */
export const connectionAs = (
  settings: PostgresSettings,
  role: Role,
  password: string | undefined,
  database = settings.database_name,
): Connection => {
  const { vip, port, sslmode, ssl_ca_file } = settings;
  const connection = connectionOf(
    {
      host: vip,
      port,
      database_name: database,
      sql_user: settings[role],
      sslmode,
      ...(ssl_ca_file === undefined ? {} : { ssl_ca_file }),
    },
    password,
  );
  return { ...connection, target: { ...connection.target, passwordIn: PASSWORD_IN[role] } };
};

/**
 * Sees that the roles are there with their passwords, and the database with an owner who may migrate it: an old
 * server's database and tables can belong to the superuser. Changes nothing that is right; says what it did, or would
 * do in the mode `look`. Without the superuser's password it only looks, and throws an AppError that says what is
 * missing and how to give it.
 */
export const bootstrapDatabase = async (
  settings: PostgresSettings,
  passwords: DatabasePasswords,
  mode: Mode = 'change',
): Promise<string[]> => {
  const asOwner = connectionAs(settings, 'sql_user', passwords.owner);
  if (passwords.superuser === undefined) {
    if (await isReady(asOwner)) return [];
    throw superuserNeeded(settings);
  }
  const { superuser } = passwords;
  const made = await withSession(
    connectionAs(settings, 'db_superuser', superuser, MAINTENANCE_DATABASE),
    async (session) => [
      ...(await ensureRole(session, settings, 'sql_user', passwords.owner)),
      ...(await ensureRole(session, settings, 'sql_ro_user', passwords.readOnly)),
      ...(await ensureDatabase(session, settings)),
    ],
    mode,
  );
  if (mode === 'look' && made.includes(databaseMade(settings))) return made; // there is nothing to look into
  const owned = await withSession(
    connectionAs(settings, 'db_superuser', superuser),
    (session) => ensureOwner(session, settings),
    mode,
  );
  return [...made, ...owned];
};

/** What is said when a role was made. */
export const roleMade = (name: string): string => `made the role ${name}`;

/** What is said when the database was made. */
export const databaseMade = ({ database_name }: PostgresSettings): string =>
  `made the database ${database_name}`;

/**
 * Throws an AppError where PostgreSQL is too old for the migrations. Where it cannot be asked (yet), nothing is known:
 * whoever needs it says why.
 */
export const refuseOldDatabase = async (
  settings: PostgresSettings,
  passwords: Partial<DatabasePasswords>,
): Promise<void> => {
  const connection =
    passwords.superuser === undefined
      ? connectionAs(settings, 'sql_user', passwords.owner)
      : connectionAs(settings, 'db_superuser', passwords.superuser, MAINTENANCE_DATABASE);
  const version = await versionOf(connection);
  if (version === undefined || version.number >= OLDEST_VERSION_NUMBER) return;
  throw new AppError(
    'database_too_old',
    `PostgreSQL at ${settings.vip}:${settings.port} is version ${version.text}; 13 or newer is needed. Nothing was ` +
      'changed. Where it is the one that comes with the Chef Server, upgrade that first; or have one of your own and ' +
      "say where, by postgresql['vip'].",
  );
};

const versionOf = async (connection: Connection): Promise<{ number: number; text: string } | undefined> => {
  try {
    const [row] = await withSession(connection, (session) => session.query(VERSION), 'look');
    return { number: Number(row?.number), text: String(row?.text) };
  } catch {
    return undefined; // it is away, or we are not known to it
  }
};

const VERSION = `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS text`;

/** Whether the owner gets into the database; false too where role or database are missing. */
const isReady = async (asOwner: Connection): Promise<boolean> => {
  try {
    return await isLetIn(asOwner);
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.message.includes('does not exist')) return false;
    throw thrown;
  }
};

const superuserNeeded = ({ vip, port, sql_user, database_name, db_superuser }: PostgresSettings): AppError =>
  new AppError(
    'superuser_password_missing',
    `${sql_user} cannot get into the database ${database_name} at ${vip}:${port}, so role and database must be made, and ` +
      `for that the password of ${db_superuser} is needed once: put it into a file and run ` +
      'opscode-push-jobs-server-ctl reconfigure --db-superuser-password-file FILE',
  );

const ensureRole = async (
  session: Session,
  settings: PostgresSettings,
  role: 'sql_user' | 'sql_ro_user',
  password: string,
): Promise<string[]> => {
  const name = settings[role];
  const login = `${quoted(name)} LOGIN PASSWORD ${pg.escapeLiteral(scramVerifier(password))}`;
  const [found] = await session.query(
    `SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1) AS role,
       EXISTS (SELECT 1 FROM pg_database WHERE datname = $2) AS database`,
    [name, settings.database_name],
  );
  if (found?.role !== true) {
    await session.change(`CREATE ROLE ${login}`);
    return [roleMade(name)];
  }
  if (found.database === true && (await isLetIn(connectionAs(settings, role, password)))) return [];
  await session.change(`ALTER ROLE ${login}`);
  return [`set the password of the role ${name}`];
};

const ensureDatabase = async (session: Session, settings: PostgresSettings): Promise<string[]> => {
  const { database_name, sql_user } = settings;
  const changes = await joinRole(session, sql_user);
  const [database] = await session.query(
    'SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = $1',
    [database_name],
  );
  if (database === undefined) {
    await session.change(
      `CREATE DATABASE ${quoted(database_name)} OWNER ${quoted(sql_user)} ENCODING 'UTF8'
         LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
    );
    return [...changes, databaseMade(settings)];
  }
  if (database.owner === sql_user) return changes;
  await session.change(`ALTER DATABASE ${quoted(database_name)} OWNER TO ${quoted(sql_user)}`);
  return [...changes, `gave the database ${database_name} to ${sql_user}`];
};

/** An administrator who is no superuser (a hosted PostgreSQL) can give things only to a role that he is a member of. */
const joinRole = async (session: Session, owner: string): Promise<string[]> => {
  const [row] = await session.query(
    `SELECT pg_has_role(current_user, oid, 'MEMBER') AS member FROM pg_roles WHERE rolname = $1`,
    [owner],
  );
  if (row?.member !== false) return [];
  await session.change(`GRANT ${quoted(owner)} TO current_user`);
  return [`made the administrator a member of ${owner}`];
};

/** What ALTER calls each kind of relation. */
const KINDS: Readonly<Record<string, string>> = { r: 'TABLE', p: 'TABLE', S: 'SEQUENCE', v: 'VIEW' };

const ensureOwner = async (session: Session, { sql_user }: PostgresSettings): Promise<string[]> => {
  const changes: string[] = [];
  const [right] = await session.query(ENOUGH_RIGHTS, [sql_user]);
  if (right?.enough !== true) {
    await session.change(`GRANT USAGE, CREATE ON SCHEMA public TO ${quoted(sql_user)}`);
    changes.push(`let ${sql_user} make tables`);
  }
  const schemas = await session.query(
    `SELECT nspname AS name FROM pg_namespace
     WHERE nspname = 'sqitch' AND pg_get_userbyid(nspowner) <> $1`,
    [sql_user],
  );
  for (const { name } of schemas) {
    await session.change(`ALTER SCHEMA ${quoted(String(name))} OWNER TO ${quoted(sql_user)}`);
  }
  const relations = await session.query(RELATIONS_OF_OTHERS, [sql_user, Object.keys(KINDS)]);
  for (const { schema, name, kind } of relations) {
    const relation = `${quoted(String(schema))}.${quoted(String(name))}`;
    await session.change(`ALTER ${KINDS[String(kind)] ?? 'TABLE'} ${relation} OWNER TO ${quoted(sql_user)}`);
  }
  return relations.length === 0
    ? changes
    : [...changes, `gave ${relations.length} tables and sequences to ${sql_user}`];
};

/** What belongs to the database's owner, as the schema does since PostgreSQL 15, comes with the database. */
const ENOUGH_RIGHTS = `
  SELECT has_schema_privilege(r.oid, n.oid, 'CREATE') AND has_schema_privilege(r.oid, n.oid, 'USAGE')
    OR pg_get_userbyid(n.nspowner) = 'pg_database_owner' AS enough
  FROM pg_roles r, pg_namespace n WHERE r.rolname = $1 AND n.nspname = 'public'`;

/** Sequences of a column go with their table. */
const RELATIONS_OF_OTHERS = `
  SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ('public', 'sqitch') AND pg_get_userbyid(c.relowner) <> $1 AND c.relkind::text = ANY ($2)
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i', 'e'))
  ORDER BY c.relkind <> 'r', c.relname`;
