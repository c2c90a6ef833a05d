import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Stores with each Curve key the heartbeat interval (milliseconds) in the config that its client fetched. The client uses
 * this interval until it fetches its config again, even if the setting has changed. NULL: unknown.
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
