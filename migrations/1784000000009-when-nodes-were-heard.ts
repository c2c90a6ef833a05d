import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Remembers when a node was heard, to a day: one that has not been heard for long is forgotten. */
export class WhenNodesWereHeard1784000000009 implements MigrationInterface {
  readonly name = 'WhenNodesWereHeard1784000000009';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes ADD COLUMN heard_at timestamptz NOT NULL DEFAULT now()`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes DROP COLUMN heard_at`);
  }
}
