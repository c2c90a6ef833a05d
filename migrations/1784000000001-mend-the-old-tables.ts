import type { MigrationInterface, QueryRunner } from 'typeorm';
import { JOB_STATUS_CODES } from '../src/shared/protocol/job-status.js';

/**
 * Adds columns and indexes that the tables of old servers lack. Existing columns do not change, so older programs can
 * still read the tables.
 *
 * `created_by` and `user_name` hold names of any length; `last_updated_by` and `job_user` are char(32) and keep the first
 * 32 characters. `stdout_bytes` and `stderr_bytes` hold output that `text` cannot hold (NUL, not UTF-8); if they are
 * NULL, the text column is exact.
 */
export class MendTheOldTables1784000000001 implements MigrationInterface {
  readonly name = 'MendTheOldTables1784000000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE jobs
      ADD COLUMN created_by text,
      ADD COLUMN voting_deadline timestamptz,
      ADD COLUMN run_deadline timestamptz`);
    await runner.query(`ALTER TABLE job_options ADD COLUMN user_name text`);
    await runner.query(`ALTER TABLE job_output ADD COLUMN stdout_bytes bytea, ADD COLUMN stderr_bytes bytea`);
    await runner.query(`ALTER TABLE job_nodes
      ADD COLUMN exit_code bigint,
      ADD COLUMN signal text,
      ADD COLUMN duration_ms bigint,
      ADD COLUMN reason text`);
    await runner.query(`CREATE INDEX jobs_of_org ON jobs (org_id, created_at, id)`);
    await runner.query(`CREATE INDEX jobs_live ON jobs (id)
      WHERE status IN (${JOB_STATUS_CODES.voting}, ${JOB_STATUS_CODES.running}, ${JOB_STATUS_CODES.new})`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX jobs_live, jobs_of_org`);
    await runner.query(`ALTER TABLE job_nodes
      DROP COLUMN exit_code, DROP COLUMN signal, DROP COLUMN duration_ms, DROP COLUMN reason`);
    await runner.query(`ALTER TABLE job_output DROP COLUMN stdout_bytes, DROP COLUMN stderr_bytes`);
    await runner.query(`ALTER TABLE job_options DROP COLUMN user_name`);
    await runner.query(`ALTER TABLE jobs
      DROP COLUMN created_by, DROP COLUMN voting_deadline, DROP COLUMN run_deadline`);
  }
}
