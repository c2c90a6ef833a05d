import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Remembers with a Curve key which interval between heartbeats (milliseconds) its client was told when it named it: it
 * goes by that until it fetches its config again, whatever the setting is by then. NULL: it was not noted.
 */
export class RememberIntervals1784000000008 implements MigrationInterface {
  readonly name = 'RememberIntervals1784000000008';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE curve_keys ADD COLUMN heartbeat_interval int`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE curve_keys DROP COLUMN heartbeat_interval`);
  }
}
