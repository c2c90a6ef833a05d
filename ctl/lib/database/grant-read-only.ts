import pg from 'pg';
import type { DatabaseConnection } from './database-connection.js';

/**
 * Allows the read-only role to read all tables, including those of later migrations. Run it as the owner, after the
 * migrations. Idempotent; returns a line per change.
 */
export const grantReadOnly = async (
  database: DatabaseConnection,
  { database_name, sql_user, sql_ro_user }: { database_name: string; sql_user: string; sql_ro_user: string },
): Promise<string[]> => {
  const [reader] = await database.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [sql_ro_user]);
  if (reader === undefined) return []; // only the superuser can create the role
  const [row] = await database.query(IS_GRANT_MISSING, [sql_ro_user, database_name, sql_user]);
  if (row?.missing !== true) return [];
  const role = pg.escapeIdentifier(sql_ro_user);
  await database.change(`GRANT CONNECT ON DATABASE ${pg.escapeIdentifier(database_name)} TO ${role}`);
  await database.change(`GRANT USAGE ON SCHEMA public TO ${role}`);
  await database.change(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`);
  await database.change(`ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO ${role}`);
  return [readOnlyGranted(sql_ro_user)];
};

/** The line that reports the new rights. */
export const readOnlyGranted = (role: string): string => `allowed ${role} to read all tables`;

const IS_GRANT_MISSING = `
  SELECT NOT has_database_privilege($1::name, $2::text, 'CONNECT')
      OR NOT has_schema_privilege($1::name, 'public', 'USAGE')
      OR EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = 'public' AND c.relkind = 'r' AND NOT has_table_privilege($1::name, c.oid, 'SELECT'))
      OR NOT EXISTS (SELECT 1 FROM pg_default_acl a
                     WHERE pg_get_userbyid(a.defaclrole) = $3 AND a.defaclobjtype = 'r'
                       AND EXISTS (SELECT 1 FROM aclexplode(a.defaclacl) e
                                   WHERE pg_get_userbyid(e.grantee) = $1 AND e.privilege_type = 'SELECT')) AS missing`;
