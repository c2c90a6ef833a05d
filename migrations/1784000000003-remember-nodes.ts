import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Creates the table of each node's incarnation. After a server restart, a node with the same incarnation may go on with
 * its job; another one must drop it.
 */
export class RememberNodes1784000000003 implements MigrationInterface {
  readonly name = 'RememberNodes1784000000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE nodes (
      org_id char(32),
      node_name text,
      incarnation_id text NOT NULL,
      PRIMARY KEY (org_id, node_name)
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE nodes`);
  }
}
