import pg from 'pg';
import { AppError } from '../../../src/shared/lib/app-error.js';
import { type Connection, connectionOf } from '../../../src/server/persistence/connection-options.js';
import type { ResolvedSettings } from '../settings/resolve-settings.js';
import { scramVerifier } from './scram.js';
import {
  acceptsLogin,
  type DatabaseMode,
  type DatabaseConnection,
  withDatabaseConnection,
} from './database-connection.js';

/** PostgreSQL 13; older versions lack what the migrations need. */
const MIN_VERSION_NUMBER = 130_000;

/** Every PostgreSQL server has this database. */
const MAINTENANCE_DATABASE = 'postgres';

/** Passwords by role. */
export interface DatabasePasswords {
  readonly owner: string;
  readonly readOnly: string;
  /** Undefined if it is unknown. */
  readonly superuser: string | undefined;
}

const quoted = (name: string): string => pg.escapeIdentifier(name);

type PostgresSettings = ResolvedSettings['sections']['postgresql'];

type Role = 'db_superuser' | 'sql_user' | 'sql_ro_user';

/** Where administrators find the password of each role, for messages. */
const PASSWORD_LOCATIONS: Readonly<Record<Role, string>> = {
  db_superuser:
    'the password of db_superuser: in the file that --db-superuser-password-file names, or else in the secrets file ' +
    '(postgresql, db_superuser_password)',
  sql_user: 'sql_password in the secrets file',
  sql_ro_user: 'sql_ro_password in the secrets file',
};

/** Returns the connection options for a database as one of its roles. */
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
  return { ...connection, target: { ...connection.target, passwordIn: PASSWORD_LOCATIONS[role] } };
};

/**
 * Ensures that the roles exist with their passwords, and the database with an owner who may migrate it (an old server's
 * database and tables can belong to the superuser). Idempotent. Returns a line per change; in `read-only` mode, per
 * change that it would make. Without the superuser's password it changes nothing, and throws an AppError if the owner
 * cannot log in.
 */
export const bootstrapDatabase = async (
  settings: PostgresSettings,
  passwords: DatabasePasswords,
  mode: DatabaseMode = 'change',
): Promise<string[]> => {
  const asOwner = connectionAs(settings, 'sql_user', passwords.owner);
  if (passwords.superuser === undefined) {
    if (await ownerCanConnect(asOwner)) return [];
    throw superuserPasswordMissing(settings);
  }
  const { superuser } = passwords;
  const made = await withDatabaseConnection(
    connectionAs(settings, 'db_superuser', superuser, MAINTENANCE_DATABASE),
    async (database) => [
      ...(await ensureRole(database, settings, 'sql_user', passwords.owner)),
      ...(await ensureRole(database, settings, 'sql_ro_user', passwords.readOnly)),
      ...(await ensureDatabase(database, settings)),
    ],
    mode,
  );
  if (mode === 'read-only' && made.includes(databaseCreated(settings))) return made; // the database does not exist yet
  const owned = await withDatabaseConnection(
    connectionAs(settings, 'db_superuser', superuser),
    (database) => ensureOwner(database, settings),
    mode,
  );
  return [...made, ...owned];
};

/** The line that reports a new role. */
export const roleCreated = (name: string): string => `created the role ${name}`;

/** The line that reports a new database. */
export const databaseCreated = ({ database_name }: PostgresSettings): string =>
  `created the database ${database_name}`;

/**
 * Throws an AppError if PostgreSQL is too old for the migrations. Does nothing if PostgreSQL cannot be reached; the step
 * that needs it reports why.
 */
export const requireSupportedPostgres = async (
  settings: PostgresSettings,
  passwords: Partial<DatabasePasswords>,
): Promise<void> => {
  const connection =
    passwords.superuser === undefined
      ? connectionAs(settings, 'sql_user', passwords.owner)
      : connectionAs(settings, 'db_superuser', passwords.superuser, MAINTENANCE_DATABASE);
  const version = await versionOf(connection);
  if (version === undefined || version.number >= MIN_VERSION_NUMBER) return;
  throw new AppError(
    'database_too_old',
    `PostgreSQL at ${settings.vip}:${settings.port} is version ${version.text}; 13 or newer is needed. Nothing was ` +
      'changed. If it is the one that comes with the Chef Server, upgrade that first; or run a PostgreSQL of your own and ' +
      "name its address in postgresql['vip'].",
  );
};

const versionOf = async (connection: Connection): Promise<{ number: number; text: string } | undefined> => {
  try {
    const [row] = await withDatabaseConnection(
      connection,
      (database) => database.query(VERSION),
      'read-only',
    );
    return { number: Number(row?.number), text: String(row?.text) };
  } catch {
    return undefined; // unreachable, or the role does not exist yet
  }
};

const VERSION = `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS text`;

/** Whether the owner can log in to the database; false if role or database do not exist. */
const ownerCanConnect = async (asOwner: Connection): Promise<boolean> => {
  try {
    return await acceptsLogin(asOwner);
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.message.includes('does not exist')) return false;
    throw thrown;
  }
};

const superuserPasswordMissing = ({
  vip,
  port,
  sql_user,
  database_name,
  db_superuser,
}: PostgresSettings): AppError =>
  new AppError(
    'superuser_password_missing',
    `${sql_user} cannot log in to the database ${database_name} at ${vip}:${port}. To create role and database, ` +
      `reconfigure needs the password of ${db_superuser} once: put it into a file and run ` +
      'opscode-push-jobs-server-ctl reconfigure --db-superuser-password-file FILE',
  );

const ensureRole = async (
  database: DatabaseConnection,
  settings: PostgresSettings,
  role: 'sql_user' | 'sql_ro_user',
  password: string,
): Promise<string[]> => {
  const name = settings[role];
  const login = `${quoted(name)} LOGIN PASSWORD ${pg.escapeLiteral(scramVerifier(password))}`;
  const [found] = await database.query(
    `SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1) AS role,
       EXISTS (SELECT 1 FROM pg_database WHERE datname = $2) AS database`,
    [name, settings.database_name],
  );
  if (found?.role !== true) {
    await database.change(`CREATE ROLE ${login}`);
    return [roleCreated(name)];
  }
  if (found.database === true && (await acceptsLogin(connectionAs(settings, role, password)))) return [];
  await database.change(`ALTER ROLE ${login}`);
  return [`set the password of the role ${name}`];
};

const ensureDatabase = async (
  database: DatabaseConnection,
  settings: PostgresSettings,
): Promise<string[]> => {
  const { database_name, sql_user } = settings;
  const changes = await ensureMembership(database, sql_user);
  const [existing] = await database.query(
    'SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = $1',
    [database_name],
  );
  if (existing === undefined) {
    await database.change(
      `CREATE DATABASE ${quoted(database_name)} OWNER ${quoted(sql_user)} ENCODING 'UTF8'
         LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
    );
    return [...changes, databaseCreated(settings)];
  }
  if (existing.owner === sql_user) return changes;
  await database.change(`ALTER DATABASE ${quoted(database_name)} OWNER TO ${quoted(sql_user)}`);
  return [...changes, `gave the database ${database_name} to ${sql_user}`];
};

/** An administrator without superuser rights (a hosted PostgreSQL) can give objects only to a role if it is its member. */
const ensureMembership = async (database: DatabaseConnection, owner: string): Promise<string[]> => {
  const [row] = await database.query(
    `SELECT pg_has_role(current_user, oid, 'MEMBER') AS member FROM pg_roles WHERE rolname = $1`,
    [owner],
  );
  if (row?.member !== false) return [];
  await database.change(`GRANT ${quoted(owner)} TO current_user`);
  return [`made the administrator a member of ${owner}`];
};

/** The keyword after ALTER for each relation kind of pg_class. */
const RELATION_KINDS: Readonly<Record<string, string>> = { r: 'TABLE', p: 'TABLE', S: 'SEQUENCE', v: 'VIEW' };

const ensureOwner = async (
  database: DatabaseConnection,
  { sql_user }: PostgresSettings,
): Promise<string[]> => {
  const changes: string[] = [];
  const [right] = await database.query(HAS_SCHEMA_RIGHTS, [sql_user]);
  if (right?.enough !== true) {
    await database.change(`GRANT USAGE, CREATE ON SCHEMA public TO ${quoted(sql_user)}`);
    changes.push(`allowed ${sql_user} to create tables`);
  }
  const schemas = await database.query(
    `SELECT nspname AS name FROM pg_namespace
     WHERE nspname = 'sqitch' AND pg_get_userbyid(nspowner) <> $1`,
    [sql_user],
  );
  for (const { name } of schemas) {
    await database.change(`ALTER SCHEMA ${quoted(String(name))} OWNER TO ${quoted(sql_user)}`);
  }
  const relations = await database.query(RELATIONS_OF_OTHERS, [sql_user, Object.keys(RELATION_KINDS)]);
  for (const { schema, name, kind } of relations) {
    const relation = `${quoted(String(schema))}.${quoted(String(name))}`;
    await database.change(
      `ALTER ${RELATION_KINDS[String(kind)] ?? 'TABLE'} ${relation} OWNER TO ${quoted(sql_user)}`,
    );
  }
  return relations.length === 0
    ? changes
    : [...changes, `gave ${relations.length} tables and sequences to ${sql_user}`];
};

/** Since PostgreSQL 15 the schema belongs to pg_database_owner, so the database's owner has all rights. */
const HAS_SCHEMA_RIGHTS = `
  SELECT has_schema_privilege(r.oid, n.oid, 'CREATE') AND has_schema_privilege(r.oid, n.oid, 'USAGE')
    OR pg_get_userbyid(n.nspowner) = 'pg_database_owner' AS enough
  FROM pg_roles r, pg_namespace n WHERE r.rolname = $1 AND n.nspname = 'public'`;

/** Without the sequences of columns: ALTER TABLE changes their owner too. */
const RELATIONS_OF_OTHERS = `
  SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ('public', 'sqitch') AND pg_get_userbyid(c.relowner) <> $1 AND c.relkind::text = ANY ($2)
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i', 'e'))
  ORDER BY c.relkind <> 'r', c.relname`;
