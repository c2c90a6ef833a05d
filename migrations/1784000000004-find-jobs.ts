import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Adds indexes for the filters of job lists, in the order of the lists, and columns for the times at which a node voted
 * and began to run.
 *
 * Commands and names of any length are indexed by their beginning, because the size of an index entry is limited.
 */
export class FindJobs1784000000004 implements MigrationInterface {
  readonly name = 'FindJobs1784000000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX jobs_by_status ON jobs (org_id, status, created_at, id)`);
    await runner.query(`CREATE INDEX jobs_by_command ON jobs (org_id, left(command, 128), created_at, id)`);
    await runner.query(`CREATE INDEX jobs_by_user
      ON jobs (org_id, left(coalesce(created_by, rtrim(last_updated_by)), 128), created_at, id)`);
    await runner.query(
      `CREATE INDEX job_nodes_by_node ON job_nodes (org_id, left(node_name, 128), created_at, job_id)`,
    );
    await runner.query(
      `ALTER TABLE job_nodes ADD COLUMN ready_at timestamptz, ADD COLUMN running_at timestamptz`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE job_nodes DROP COLUMN ready_at, DROP COLUMN running_at`);
    await runner.query(`DROP INDEX job_nodes_by_node, jobs_by_user, jobs_by_command, jobs_by_status`);
  }
}
