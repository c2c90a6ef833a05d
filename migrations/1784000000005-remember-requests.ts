import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Creates the table of requests with an `Idempotency-Key`: a repeated request must not start a second job. `request` is
 * the SHA-256 of requestor and key, `body_hash` that of the body.
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
