import type { NodeAddress } from '../../shared/protocol/node-address.js';

/** A session as it is kept. */
export interface StoredSession extends NodeAddress {
  readonly orgName: string;
  /** The session key, sealed for this node. */
  readonly sealedKey: Buffer;
  /** Says which RSA key last verified the node. */
  readonly keyFingerprint: string;
}

/** Which Curve key of which node. */
export interface CurveKeyOfNode extends NodeAddress {
  /** 32 raw bytes. */
  readonly curveKey: Buffer;
}

/** A Curve key as it is kept, with the node that named it; another node may have named it too. */
export interface StoredCurveKey extends CurveKeyOfNode {
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** The interval between heartbeats that its client was told, milliseconds; undefined where that was not noted. */
  readonly heartbeatInterval: number | undefined;
}

/** What one admission changes; all of it is stored, or nothing. */
export interface Admission {
  /** Present where the node is new or gets another session key. */
  readonly session: StoredSession | undefined;
  readonly curveKey: StoredCurveKey;
  /** Curve keys that the node named before and that are accepted no more for its sake. */
  readonly forgottenKeys: readonly Buffer[];
  /** Guid of the organization that had this name before and is gone, with all that it had. */
  readonly replacedOrg: string | undefined;
}

/** Where sessions and Curve keys are kept over a restart. Every method rejects where the database fails. */
export interface SessionStore {
  /** All Curve keys, those that expire first coming first, and all sessions that have one; the others are removed. */
  load(): Promise<{ sessions: StoredSession[]; curveKeys: StoredCurveKey[] }>;
  save(admission: Admission): Promise<void>;
  /** Removes a node's session; its Curve keys are gone. */
  forget(node: NodeAddress): Promise<void>;
  /** Removes the Curve keys that expired by `then` (milliseconds), but not those of the nodes to be kept. */
  removeExpired(then: number, kept: readonly NodeAddress[]): Promise<void>;
}
