import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keeps a Curve key for each node that named it, so that a second node with the same key does not take it from the first. */
export class CurveKeysOfTheirNodes1784000000007 implements MigrationInterface {
  readonly name = 'CurveKeysOfTheirNodes1784000000007';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE curve_keys
      DROP CONSTRAINT curve_keys_pkey, ADD PRIMARY KEY (org_id, node_name, curve_key)`);
    await runner.query(`DROP INDEX curve_keys_of_node`);
  }

  /** If several nodes named one key, only the last one keeps it. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM curve_keys k USING curve_keys later
      WHERE later.curve_key = k.curve_key
        AND (later.expires_at, later.ctid) > (k.expires_at, k.ctid)`);
    await runner.query(`ALTER TABLE curve_keys
      DROP CONSTRAINT curve_keys_pkey, ADD PRIMARY KEY (curve_key)`);
    await runner.query(`CREATE INDEX curve_keys_of_node ON curve_keys (org_id, node_name)`);
  }
}
