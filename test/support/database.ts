import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { ServerDatabase } from '../../src/server/persistence/connection-options.js';
import { connectionOf } from '../../src/server/persistence/connection-options.js';
import { migrate } from '../../src/server/persistence/migrate.js';
import {
  type OpenDatabase,
  openDatabase,
  type OpenOptions,
} from '../../src/server/persistence/open-database.js';

/** A database that belongs to one test file. */
export interface TestDatabase {
  /** The setting `database` of the server. */
  readonly config: ServerDatabase;
  readonly password: string;
  /** `postgres://…` of a superuser. */
  readonly url: string;
  /** Opens the database and takes it over as the server does, with these changed options. Close it before `drop`. */
  open(changes?: Partial<OpenOptions>): Promise<OpenDatabase>;
  /** Runs statements on a separate connection and returns the rows of the last one. */
  sql(statements: string, parameters?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Runs a statement in the administrative database, for example one about roles. */
  sqlOfServer(statement: string): Promise<Record<string, unknown>[]>;
  /** Runs `work` while nobody can connect to the database; all connections are closed first. */
  whileUnreachable(work: () => Promise<void>): Promise<void>;
  /** Runs `work` while this table has another name, so that statements on it fail. */
  withoutTable<T>(table: string, work: () => Promise<T>): Promise<T>;
  /** Removes the database and closes all connections to it. */
  drop(): Promise<void>;
}

const MIGRATIONS = join(import.meta.dirname, '../../migrations');

/** Advisory lock: one process at a time creates the template. */
const TEMPLATE_LOCK = 7_283_911_047;

const serverUrl = (): string => {
  const url = process.env.PUSH_JOBS_TEST_POSTGRES;
  if (url !== undefined) return url;
  throw new Error(
    'PUSH_JOBS_TEST_POSTGRES is not set: unit tests get no PostgreSQL; move this test to test/integration',
  );
};

const urlOf = (database: string): string => {
  const url = new URL(serverUrl());
  url.pathname = `/${database}`;
  return url.href;
};

const query = async (
  url: string,
  sql: string,
  parameters?: unknown[],
): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const result: unknown = await client.query(sql, parameters);
    const last = (Array.isArray(result) ? result.at(-1) : result) as pg.QueryResult<Record<string, unknown>>;
    return last.rows;
  } finally {
    await client.end();
  }
};

/** Creates an empty database, as an administrator does before the first start; the caller drops it. */
export const createEmptyDatabase = (): Promise<TestDatabase> => create('template0');

/** Creates a database with all migrations applied, as a copy of a shared template; the caller drops it. */
export const createTestDatabase = async (): Promise<TestDatabase> => create(await migratedTemplate());

const create = async (template: string): Promise<TestDatabase> => {
  const name = `push_jobs_test_${randomBytes(8).toString('hex')}`;
  await query(serverUrl(), `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const { config, password } = settingsOf(name);
  return {
    config,
    password,
    url: urlOf(name),
    open: async (changes = {}) => {
      const open = await openDatabase({ database: config, password, poolSize: 5, ...changes });
      await open.database.ownership.takeOver();
      return open;
    },
    sql: (statements, parameters) => query(urlOf(name), statements, parameters),
    sqlOfServer: (statement) => query(serverUrl(), statement),
    whileUnreachable: async (work) => {
      await query(serverUrl(), `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
      await query(
        serverUrl(),
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
      );
      try {
        await work();
      } finally {
        await query(serverUrl(), `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
      }
    },
    withoutTable: async (table, work) => {
      await query(urlOf(name), `ALTER TABLE ${table} RENAME TO ${table}_renamed`);
      try {
        return await work();
      } finally {
        await query(urlOf(name), `ALTER TABLE ${table}_renamed RENAME TO ${table}`);
      }
    },
    drop: async () => {
      await query(serverUrl(), `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
};

const settingsOf = (name: string): { config: ServerDatabase; password: string } => {
  const url = new URL(serverUrl());
  return {
    config: {
      host: url.hostname,
      port: Number(url.port || 5432),
      database_name: name,
      sql_user: decodeURIComponent(url.username),
      sslmode: 'disable',
    },
    password: decodeURIComponent(url.password),
  };
};

/** The name contains a hash of the migrations, since a PostgreSQL of the environment may be older than they are. */
const templateName = (): string => {
  const hash = createHash('sha256');
  for (const file of readdirSync(MIGRATIONS).sort()) hash.update(readFileSync(join(MIGRATIONS, file)));
  return `push_jobs_template_${hash.digest('hex').slice(0, 16)}`;
};

/** Creates the template if it is missing; it gets its final name only when it is complete. */
const migratedTemplate = async (): Promise<string> => {
  const name = templateName();
  const draft = `${name}_draft`;
  const client = new pg.Client({ connectionString: serverUrl() });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) {
      await client.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
      await client.query(`CREATE DATABASE ${draft} TEMPLATE template0`);
      const { config, password } = settingsOf(draft);
      await migrate(connectionOf(config, password));
      await client.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
    }
  } finally {
    await client.end();
  }
  return name;
};

/** Opens an embedded database in a temporary folder; `close` removes the folder. */
export const createEmbeddedTestDatabase = async (): Promise<OpenDatabase> => {
  const folder = mkdtempSync(join(tmpdir(), 'push-jobs-test-embedded-'));
  const open = await openDatabase({ database: { embedded_folder: folder }, poolSize: 5 });
  await open.database.ownership.takeOver();
  return {
    ...open,
    close: async () => {
      await open.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
