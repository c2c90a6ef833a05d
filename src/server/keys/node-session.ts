import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { Session } from './keys.port.js';

/** A Curve key that a node registered when it fetched its config. */
export interface RegisteredCurveKey {
  /** 32 raw bytes. */
  readonly curveKey: Buffer;
  readonly session: NodeSession;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** The heartbeat interval in the config document that the client got then, in milliseconds. */
  readonly heartbeatInterval: number;
}

/** A session with the state that only the registry uses. */
export class NodeSession implements Session {
  /** The Curve keys of the node, in the order of their registration. */
  curveKeys: readonly RegisteredCurveKey[] = [];
  validUntil = 0;
  /** Messages are accepted until then although the session has expired, because the node was busy; ms since 1970. */
  messagesUntil = 0;
  heartbeatInterval = 0;

  constructor(
    readonly address: NodeAddress,
    readonly orgName: string,
    public key: Buffer,
    /** Identifies the RSA key that last verified the node. */
    public keyFingerprint: string,
  ) {}
}
