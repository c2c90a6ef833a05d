import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Stores when a node was last heard, to the day, so that the server can delete nodes that stay silent for long. */
export class WhenNodesWereHeard1784000000009 implements MigrationInterface {
  readonly name = 'WhenNodesWereHeard1784000000009';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes ADD COLUMN heard_at timestamptz NOT NULL DEFAULT now()`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes DROP COLUMN heard_at`);
  }
}
