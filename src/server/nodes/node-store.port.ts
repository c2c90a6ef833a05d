import type { NodeAddress } from '../../shared/protocol/node-address.js';

/** A node and the client process that was last heard of it. */
export interface KnownNode extends NodeAddress {
  readonly incarnation: string;
  /** When it was heard, milliseconds since 1970; it may have been heard for a day more. */
  readonly heardAt: number;
}

/** Under this token the node store is injected. */
export const NODE_STORE = Symbol('NODE_STORE');

/** What is remembered of nodes over a restart, so that they need not notice it. */
export interface NodeStore {
  /** All nodes that are remembered. */
  load(): Promise<readonly KnownNode[]>;
  /** Takes over which client process a node is now, and that it was heard; it is stored soon. */
  remember(node: KnownNode): void;
  /** Forgets the nodes that were not heard since `then` (milliseconds) and have no session; hands back which they are. */
  forgetUnheard(then: number): Promise<readonly NodeAddress[]>;
}
