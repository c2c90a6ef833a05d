import type { NodeAddress } from '../protocol/node-address.js';
import type { Session } from './keys.port.js';

/** A session with what only its keeper needs to know of it. */
export class NodeSession implements Session {
  /** The Curve keys that the node named and that are accepted, the one named last coming last. */
  curveKeys: Buffer[] = [];
  /** When the node's last valid message came, milliseconds since 1970; 0 where none came since the start. */
  heardAt = 0;

  constructor(
    readonly address: NodeAddress,
    readonly orgName: string,
    public key: Buffer,
    /** Says which RSA key last verified the node. */
    public keyFingerprint: string,
  ) {}
}
