import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Turns the index of the nodes' parts around that lists the jobs of a node: it began with the organization, and so
 * PostgreSQL, while it knew nothing of the table, took it to find one part of a job, and went through all parts that the
 * organization ever had. That begins with the node's name now.
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
