import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { Session } from './keys.port.js';

/** A Curve key that a node named: it lets whoever has its secret half connect. */
export interface NamedCurveKey {
  /** 32 raw bytes. */
  readonly curveKey: Buffer;
  readonly session: NodeSession;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** The interval between heartbeats that its client was told when it named it, in milliseconds. */
  readonly heartbeatInterval: number;
}

/** A session with what only its keeper needs to know of it. */
export class NodeSession implements Session {
  /** The Curve keys that the node named and that are kept, the one named last coming last. */
  curveKeys: readonly NamedCurveKey[] = [];
  validUntil = 0;
  /** Until then it is listened to although its time is over, since it was at work; milliseconds since 1970. */
  graceUntil = 0;
  heartbeatInterval = 0;

  constructor(
    readonly address: NodeAddress,
    readonly orgName: string,
    public key: Buffer,
    /** Says which RSA key last verified the node. */
    public keyFingerprint: string,
  ) {}
}
