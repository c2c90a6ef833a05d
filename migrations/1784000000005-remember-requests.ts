import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Makes the table of requests that carried an `Idempotency-Key`: the same request again must not start a second job.
 * `request` stands for who sent it and the key, `body_hash` for what was asked for; both are SHA-256.
 */
export class RememberRequests1784000000005 implements MigrationInterface {
  readonly name = 'RememberRequests1784000000005';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE job_requests (
      org_id char(32),
      request bytea,
      body_hash bytea NOT NULL,
      job_id char(32) NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
      created_at timestamptz NOT NULL,
      PRIMARY KEY (org_id, request)
    )`);
    await runner.query(`CREATE INDEX job_requests_by_time ON job_requests (created_at)`);
    await runner.query(`CREATE INDEX job_requests_of_job ON job_requests (job_id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE job_requests`);
  }
}
