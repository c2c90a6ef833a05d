import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Creates the tables of the state that must survive a restart: the events of live jobs and organization feeds, the
 * nodes' session keys (sealed), and the accepted Curve keys.
 *
 * Events are `json`, not `jsonb`, because readers see the order of an event's members.
 */
export class SurviveARestart1784000000002 implements MigrationInterface {
  readonly name = 'SurviveARestart1784000000002';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE job_events (
      job_id char(32) REFERENCES jobs (id) ON DELETE CASCADE,
      first_seq int,
      events json NOT NULL,
      PRIMARY KEY (job_id, first_seq)
    )`);
    await runner.query(`CREATE TABLE org_events (
      org_id char(32),
      seq bigint,
      at timestamptz NOT NULL,
      name text NOT NULL,
      data json NOT NULL,
      PRIMARY KEY (org_id, seq)
    )`);
    await runner.query(`CREATE TABLE node_sessions (
      org_id char(32),
      node_name text,
      org_name text NOT NULL,
      sealed_key bytea NOT NULL,
      key_fingerprint text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (org_id, node_name)
    )`);
    await runner.query(`CREATE TABLE curve_keys (
      curve_key bytea PRIMARY KEY,
      org_id char(32) NOT NULL,
      node_name text NOT NULL,
      expires_at timestamptz NOT NULL
    )`);
    await runner.query(`CREATE INDEX org_events_by_time ON org_events (at)`);
    await runner.query(`CREATE INDEX curve_keys_of_node ON curve_keys (org_id, node_name)`);
    await runner.query(`CREATE INDEX curve_keys_by_expiry ON curve_keys (expires_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE curve_keys, node_sessions, org_events, job_events`);
  }
}
