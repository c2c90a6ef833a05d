import type { NodeAddress } from '../../shared/protocol/node-address.js';

/** A session in the store. */
export interface StoredSession extends NodeAddress {
  readonly orgName: string;
  /** The session key, encrypted for this node. */
  readonly sealedKey: Buffer;
  /** Identifies the RSA key that last verified the node. */
  readonly keyFingerprint: string;
}

/** A Curve key of one node. */
export interface CurveKeyOfNode extends NodeAddress {
  /** 32 raw bytes. */
  readonly curveKey: Buffer;
}

/** A Curve key in the store, with the node that registered it; several nodes may register the same key. */
export interface StoredCurveKey extends CurveKeyOfNode {
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** The heartbeat interval that the client got, in milliseconds; undefined if an older server stored the key. */
  readonly heartbeatInterval: number | undefined;
}

/** The changes of one admission; the store applies all of them or none. */
export interface Admission {
  /** Defined if the node is new or gets another session key. */
  readonly session: StoredSession | undefined;
  readonly curveKey: StoredCurveKey;
  /** Curve keys to remove from this node. */
  readonly evictedKeys: readonly Buffer[];
  /** Guid of the organization that had this name before and no longer exists; all it had is deleted. */
  readonly replacedOrg: string | undefined;
}

/** Persists sessions and Curve keys. Every method rejects if the database fails. */
export interface SessionStore {
  /** Returns all Curve keys, ordered by expiry, and all sessions that have one; deletes the other sessions. */
  load(): Promise<{ sessions: StoredSession[]; curveKeys: StoredCurveKey[] }>;
  save(admission: Admission): Promise<void>;
  /** Deletes the session of a node that has no Curve keys any more. */
  remove(node: NodeAddress): Promise<void>;
  /** Deletes the Curve keys that expired by `then` (milliseconds), except those of `busy` nodes. */
  removeExpired(then: number, busy: readonly NodeAddress[]): Promise<void>;
}
