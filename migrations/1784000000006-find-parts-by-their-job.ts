import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Replaces the index for the jobs of a node by one that begins with the node's name. The old one began with the
 * organization: without table statistics, PostgreSQL used it to find one job node and read all job nodes of the
 * organization.
 */
export class FindPartsByTheirJob1784000000006 implements MigrationInterface {
  readonly name = 'FindPartsByTheirJob1784000000006';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX job_nodes_of_node ON job_nodes (left(node_name, 128), org_id, created_at, job_id)`,
    );
    await runner.query(`DROP INDEX job_nodes_by_node`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX job_nodes_by_node ON job_nodes (org_id, left(node_name, 128), created_at, job_id)`,
    );
    await runner.query(`DROP INDEX job_nodes_of_node`);
  }
}
