import type { MigrationInterface, QueryRunner } from 'typeorm';
import { AppError } from '../src/shared/lib/app-error.js';
import { JOB_STATUS_CODES, NODE_STATUS_CODES } from '../src/shared/protocol/job-status.js';

/** The tables of old servers and the columns that they must have. See docs/spec/database.md. */
const TABLES: Readonly<Record<string, readonly string[]>> = {
  job_status: ['id', 'description'],
  jobs: [
    'id',
    'org_id',
    'command',
    'status',
    'run_timeout',
    'last_updated_by',
    'created_at',
    'updated_at',
    'quorum',
  ],
  job_nodes: ['job_id', 'org_id', 'node_name', 'status', 'created_at', 'updated_at'],
  job_options: ['job_id', 'job_user', 'dir', 'env', 'capture', 'job_file'],
  job_output: ['job_id', 'node_name', 'stdout', 'stderr'],
};

/** An existing table (an old server's) stays as it is. */
const CREATE = [
  `CREATE TABLE IF NOT EXISTS job_status (id int PRIMARY KEY, description text)`,
  `CREATE TABLE IF NOT EXISTS jobs (
     id char(32) PRIMARY KEY,
     org_id char(32),
     command text,
     status int REFERENCES job_status (id),
     run_timeout int,
     last_updated_by char(32),
     created_at timestamp,
     updated_at timestamp,
     quorum int
   )`,
  `CREATE TABLE IF NOT EXISTS job_nodes (
     job_id char(32) REFERENCES jobs (id) ON DELETE CASCADE,
     org_id char(32),
     node_name text,
     status int,
     created_at timestamp,
     updated_at timestamp,
     UNIQUE (job_id, org_id, node_name)
   )`,
  `CREATE TABLE IF NOT EXISTS job_options (
     job_id char(32) PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
     job_user char(32),
     dir text,
     env text,
     capture boolean,
     job_file text
   )`,
  `CREATE TABLE IF NOT EXISTS job_output (
     job_id char(32) REFERENCES jobs (id) ON DELETE CASCADE,
     node_name text,
     stdout text NOT NULL,
     stderr text NOT NULL,
     UNIQUE (job_id, node_name)
   )`,
];

/** Live jobs of an old server; their outcome is unknown. */
const CRASH_LIVE_JOBS = [
  `UPDATE job_nodes n SET status = ${NODE_STATUS_CODES.crashed}, updated_at = now() AT TIME ZONE 'UTC'
   FROM jobs j
   WHERE j.id = n.job_id
     AND j.status IN (${JOB_STATUS_CODES.new}, ${JOB_STATUS_CODES.voting}, ${JOB_STATUS_CODES.running})
     AND n.status IN (${NODE_STATUS_CODES.new}, ${NODE_STATUS_CODES.ready}, ${NODE_STATUS_CODES.running})`,
  `UPDATE jobs SET status = ${JOB_STATUS_CODES.crashed}, updated_at = now() AT TIME ZONE 'UTC'
   WHERE status IN (${JOB_STATUS_CODES.new}, ${JOB_STATUS_CODES.voting}, ${JOB_STATUS_CODES.running})`,
];

/**
 * Takes over the database of an old server (sqitch project `pushy-server-schema`) with all its rows, or creates the same
 * tables in an empty database. Removes and alters nothing of an old database, except that live jobs become `crashed`.
 */
export class TakeOverOrCreate1784000000000 implements MigrationInterface {
  readonly name = 'TakeOverOrCreate1784000000000';

  async up(runner: QueryRunner): Promise<void> {
    const found = await findColumns(runner);
    requireOurTables(found);
    for (const statement of CREATE) await runner.query(statement);
    for (const [description, id] of Object.entries(JOB_STATUS_CODES)) {
      await runner.query(
        'INSERT INTO job_status (id, description) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
        [id, description],
      );
    }
    if (found.size > 0) for (const statement of CRASH_LIVE_JOBS) await runner.query(statement);
  }

  /** Removes the tables, unless an old server created them. */
  async down(runner: QueryRunner): Promise<void> {
    if (await wasCreatedBySqitch(runner)) return;
    await runner.query(`DROP TABLE ${Object.keys(TABLES).reverse().join(', ')}`);
  }
}

/** Returns the columns of those of our tables that exist. */
const findColumns = async (runner: QueryRunner): Promise<ReadonlyMap<string, ReadonlySet<string>>> => {
  const rows = (await runner.query(
    `SELECT table_name::text AS table, array_agg(column_name::text) AS columns
     FROM information_schema.columns
     WHERE table_schema = current_schema() AND table_name = ANY ($1)
     GROUP BY table_name`,
    [Object.keys(TABLES)],
  )) as { table: string; columns: string[] }[];
  return new Map(rows.map(({ table, columns }) => [table, new Set(columns)]));
};

const requireOurTables = (found: ReadonlyMap<string, ReadonlySet<string>>): void => {
  for (const [table, columns] of Object.entries(TABLES)) {
    const has = found.get(table);
    const missing = has === undefined ? [] : columns.filter((column) => !has.has(column));
    if (missing.length === 0) continue;
    throw new AppError(
      'database_not_ours',
      `the table ${table} has no column ${missing.join(', ')}: this is not the database of a push jobs server 2.x. ` +
        'Give the server a database of its own, or upgrade the old server to 2.x first.',
    );
  }
};

const wasCreatedBySqitch = async (runner: QueryRunner): Promise<boolean> => {
  const [registry] = (await runner.query(`SELECT to_regclass('sqitch.projects') IS NOT NULL AS there`)) as {
    there: boolean;
  }[];
  if (registry?.there !== true) return false;
  const projects = (await runner.query(
    `SELECT 1 FROM sqitch.projects WHERE project = 'pushy-server-schema'`,
  )) as unknown[];
  return projects.length > 0;
};
