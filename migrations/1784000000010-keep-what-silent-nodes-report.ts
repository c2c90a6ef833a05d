import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Stores when a job node ended because its node was silent, and the result that came later. The index finds the few of
 * them at the start of the server.
 */
export class KeepWhatSilentNodesReport1784000000010 implements MigrationInterface {
  readonly name = 'KeepWhatSilentNodesReport1784000000010';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE job_nodes ADD COLUMN lost_contact_at timestamptz, ADD COLUMN late_result jsonb`,
    );
    await runner.query(
      `CREATE INDEX job_nodes_lost ON job_nodes (lost_contact_at) WHERE lost_contact_at IS NOT NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX job_nodes_lost`);
    await runner.query(`ALTER TABLE job_nodes DROP COLUMN lost_contact_at, DROP COLUMN late_result`);
  }
}
