import { type Database, ifOwned } from '../persistence/database.port.js';
import type { NodeAddress } from '../../shared/protocol/node-address.js';
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
  readonly heartbeat_interval: number | null;
}

/**
 * All changes of an admission in one statement, because many nodes may come at once; $3 is NULL without a session, and $10
 * if no organization is replaced.
 */
const SAVE = ifOwned(
  10,
  `replaced_sessions AS (
    DELETE FROM node_sessions USING owned WHERE node_sessions.org_id = $10::bpchar
  ), replaced_keys AS (
    DELETE FROM curve_keys USING owned WHERE curve_keys.org_id = $10::bpchar
  ), session AS (
    INSERT INTO node_sessions (org_id, node_name, org_name, sealed_key, key_fingerprint)
    SELECT $1::bpchar, $2::text, $3::text, $4::bytea, $5::text FROM owned WHERE $3::text IS NOT NULL
    ON CONFLICT (org_id, node_name) DO UPDATE
    SET org_name = excluded.org_name, sealed_key = excluded.sealed_key, key_fingerprint = excluded.key_fingerprint
  ), evicted AS (
    DELETE FROM curve_keys k USING owned
    WHERE k.org_id = $1::bpchar AND k.node_name = $2::text AND k.curve_key = ANY ($6::bytea[])
  ), curve_key AS (
    INSERT INTO curve_keys (curve_key, org_id, node_name, expires_at, heartbeat_interval)
    SELECT $7::bytea, $1::bpchar, $2::text, $8::timestamptz, $9::int FROM owned
    ON CONFLICT (org_id, node_name, curve_key) DO UPDATE
    SET expires_at = excluded.expires_at, heartbeat_interval = excluded.heartbeat_interval
  )`,
);

const REMOVE = ifOwned(
  2,
  `removed AS (
    DELETE FROM node_sessions s USING owned WHERE s.org_id = $1::bpchar AND s.node_name = $2::text
  )`,
);

/** Run this only while no node is admitted: it may delete a session whose key is not stored yet. */
const REMOVE_KEYLESS = `
  DELETE FROM node_sessions s WHERE NOT EXISTS (
    SELECT FROM curve_keys k WHERE k.org_id = s.org_id AND k.node_name = s.node_name
  )`;

const REMOVE_EXPIRED = `
  DELETE FROM curve_keys k
  WHERE expires_at <= $1 AND NOT EXISTS (
    SELECT FROM unnest($2::bpchar[], $3::text[]) AS busy (org_id, node_name)
    WHERE busy.org_id = k.org_id AND busy.node_name = k.node_name
  )`;

/** Stores sessions and Curve keys in the tables `node_sessions` and `curve_keys`. */
export class PostgresSessionStore implements SessionStore {
  constructor(private readonly database: Database) {}

  async load(): Promise<{ sessions: StoredSession[]; curveKeys: StoredCurveKey[] }> {
    await this.database.query(REMOVE_KEYLESS);
    const sessions = await this.database.query(
      'SELECT org_id, node_name, org_name, sealed_key, key_fingerprint FROM node_sessions',
    );
    const curveKeys = await this.database.query(
      'SELECT curve_key, org_id, node_name, expires_at, heartbeat_interval FROM curve_keys ORDER BY expires_at',
    );
    return {
      sessions: (sessions as SessionRow[]).map(toStoredSession),
      curveKeys: (curveKeys as CurveKeyRow[]).map(toStoredCurveKey),
    };
  }

  async save({ session, curveKey, evictedKeys, replacedOrg }: Admission): Promise<void> {
    const { orgId, node, expiresAt, heartbeatInterval } = curveKey;
    const parameters = [
      orgId,
      node,
      session?.orgName,
      session?.sealedKey,
      session?.keyFingerprint,
      evictedKeys,
      curveKey.curveKey,
      new Date(expiresAt),
      heartbeatInterval,
      replacedOrg,
    ];
    await this.database.ownership.write(orgId, SAVE, parameters, 'save_admission');
  }

  async remove({ orgId, node }: NodeAddress): Promise<void> {
    await this.database.ownership.write(orgId, REMOVE, [orgId, node]);
  }

  async removeExpired(then: number, busy: readonly NodeAddress[]): Promise<void> {
    await this.database.query(REMOVE_EXPIRED, [
      new Date(then),
      busy.map(({ orgId }) => orgId),
      busy.map(({ node }) => node),
    ]);
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
  heartbeatInterval: row.heartbeat_interval ?? undefined,
});
