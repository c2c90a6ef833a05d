import type { NodeAddress } from '../protocol/node-address.js';

/** A node and the client process that was last heard of it. */
export interface KnownNode extends NodeAddress {
  readonly incarnation: string;
}

/** Under this token the node store is injected. */
export const NODE_STORE = Symbol('NODE_STORE');

/** What is remembered of nodes over a restart, so that they need not notice it. */
export interface NodeStore {
  /** All nodes that were ever heard. */
  load(): Promise<readonly KnownNode[]>;
  /** Takes over that a node is another client process now; it is stored soon. */
  remember(node: KnownNode): void;
}
