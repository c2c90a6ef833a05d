import type { Database } from '../persistence/database.port.js';
import type { Admission, SessionStore, StoredCurveKey, StoredSession } from './session-store.js';

interface SessionRow {
  readonly org_id: string;
  readonly node_name: string;
  readonly org_name: string;
  readonly sealed_key: Buffer;
  readonly key_fingerprint: string;
}

interface CurveKeyRow {
  readonly curve_key: Buffer;
  readonly org_id: string;
  readonly node_name: string;
  readonly expires_at: Date;
}

/** All that an admission changes in one statement, since very many nodes may come at once; $3 is NULL without a session. */
const SAVE = `
  WITH session AS (
    INSERT INTO node_sessions (org_id, node_name, org_name, sealed_key, key_fingerprint)
    SELECT $1::bpchar, $2::text, $3::text, $4::bytea, $5::text WHERE $3::text IS NOT NULL
    ON CONFLICT (org_id, node_name) DO UPDATE
    SET org_name = excluded.org_name, sealed_key = excluded.sealed_key, key_fingerprint = excluded.key_fingerprint
  ), forgotten AS (
    DELETE FROM curve_keys
    WHERE org_id = $1::bpchar AND node_name = $2::text AND curve_key = ANY ($6::bytea[])
  )
  INSERT INTO curve_keys (curve_key, org_id, node_name, expires_at)
  VALUES ($7::bytea, $1::bpchar, $2::text, $8::timestamptz)
  ON CONFLICT (org_id, node_name, curve_key) DO UPDATE SET expires_at = excluded.expires_at`;

const EXTEND_CURVE_KEYS = `
  UPDATE curve_keys SET expires_at = longer.expires_at
  FROM unnest($1::bpchar[], $2::text[], $3::bytea[], $4::timestamptz[])
    AS longer (org_id, node_name, curve_key, expires_at)
  WHERE curve_keys.org_id = longer.org_id AND curve_keys.node_name = longer.node_name
    AND curve_keys.curve_key = longer.curve_key`;

/** Keeps sessions and Curve keys in the tables `node_sessions` and `curve_keys`. */
export class SqlSessionStore implements SessionStore {
  constructor(private readonly database: Database) {}

  async load(now: number): Promise<{ sessions: StoredSession[]; curveKeys: StoredCurveKey[] }> {
    const sessions = await this.database.query(
      'SELECT org_id, node_name, org_name, sealed_key, key_fingerprint FROM node_sessions',
    );
    const curveKeys = await this.database.query(
      'SELECT curve_key, org_id, node_name, expires_at FROM curve_keys WHERE expires_at > $1 ORDER BY expires_at',
      [new Date(now)],
    );
    return {
      sessions: (sessions as SessionRow[]).map(toStoredSession),
      curveKeys: (curveKeys as CurveKeyRow[]).map(toStoredCurveKey),
    };
  }

  async save({ session, curveKey, forgottenKeys, replacedOrg }: Admission): Promise<void> {
    const { orgId, node, expiresAt } = curveKey;
    const parameters = [
      orgId,
      node,
      session?.orgName,
      session?.sealedKey,
      session?.keyFingerprint,
      forgottenKeys,
      curveKey.curveKey,
      new Date(expiresAt),
    ];
    if (replacedOrg === undefined) {
      await this.database.query(SAVE, parameters, 'save_admission');
      return;
    }
    await this.database.transaction(async (query) => {
      await query('DELETE FROM node_sessions WHERE org_id = $1', [replacedOrg]);
      await query('DELETE FROM curve_keys WHERE org_id = $1', [replacedOrg]);
      await query(SAVE, parameters);
    });
  }

  async extend(keys: readonly StoredCurveKey[]): Promise<void> {
    await this.database.query(EXTEND_CURVE_KEYS, [
      keys.map(({ orgId }) => orgId),
      keys.map(({ node }) => node),
      keys.map(({ curveKey }) => curveKey),
      keys.map(({ expiresAt }) => new Date(expiresAt)),
    ]);
  }

  async removeExpired(now: number): Promise<void> {
    await this.database.query('DELETE FROM curve_keys WHERE expires_at <= $1', [new Date(now)]);
  }
}

const toStoredSession = (row: SessionRow): StoredSession => ({
  orgId: row.org_id,
  node: row.node_name,
  orgName: row.org_name,
  sealedKey: row.sealed_key,
  keyFingerprint: row.key_fingerprint,
});

const toStoredCurveKey = (row: CurveKeyRow): StoredCurveKey => ({
  orgId: row.org_id,
  node: row.node_name,
  curveKey: row.curve_key,
  expiresAt: row.expires_at.getTime(),
});
