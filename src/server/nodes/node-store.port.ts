import type { NodeAddress } from '../../shared/protocol/node-address.js';

/** A node and its last known client process. */
export interface StoredNode extends NodeAddress {
  readonly incarnation: string;
  /** When the node was heard, milliseconds since 1970. It is stored once a day, so the node may have been heard later. */
  readonly heardAt: number;
}

/** Stores the nodes, so that a restart of the server does not send all of them to rehab. */
export abstract class NodeStore {
  abstract load(): Promise<readonly StoredNode[]>;
  /** Queues a write of the node's client process and the time it was heard. */
  abstract save(node: StoredNode): void;
  /** Deletes and returns the nodes without a session that were not heard since `time` (milliseconds since 1970). */
  abstract deleteUnheardSince(time: number): Promise<readonly NodeAddress[]>;
}
