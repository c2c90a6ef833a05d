import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Creates the tables by which PostgreSQL knows which server may change an organization's rows. `servers` has the servers
 * that may claim organizations, and `org_owners` the owner of each organization. `fence` grows with each owner, so that a
 * statement of a former owner is recognized however late it arrives.
 */
export class WhoOwnsAnOrganization1784000000011 implements MigrationInterface {
  readonly name = 'WhoOwnsAnOrganization1784000000011';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE servers (
      id char(32) PRIMARY KEY,
      host text NOT NULL,
      started_at timestamptz NOT NULL DEFAULT now()
    )`);
    await runner.query(`CREATE TABLE org_owners (
      org_id char(32) PRIMARY KEY,
      server_id char(32) NOT NULL,
      fence bigint NOT NULL
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE org_owners`);
    await runner.query(`DROP TABLE servers`);
  }
}
