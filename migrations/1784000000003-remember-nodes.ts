import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Makes the table of which client process each node is: after a restart the same process need not drop what it is
 * doing, another one must.
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
