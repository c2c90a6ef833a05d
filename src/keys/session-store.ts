import type { NodeAddress } from '../protocol/node-address.js';

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
  /** All sessions, and the Curve keys that are valid at `now` (milliseconds), those that expire first coming first. */
  load(now: number): Promise<{ sessions: StoredSession[]; curveKeys: StoredCurveKey[] }>;
  save(admission: Admission): Promise<void>;
  /** Keeps these Curve keys longer, where they are there still. */
  extend(keys: readonly StoredCurveKey[]): Promise<void>;
  /** Removes the Curve keys that are not valid any more at `now` (milliseconds). */
  removeExpired(now: number): Promise<void>;
}
