/** A node is known by its organization's guid (32 hex digits) and its name. */
export interface NodeAddress {
  readonly orgId: string;
  readonly node: string;
}

/** The longest name of a node, in bytes of UTF-8; Chef Server allows less, the database's index not much more. */
export const MAX_NODE_NAME_BYTES = 1024;

/** One string for both, to be a map's key. A guid has a fixed length, so no two addresses share one. */
export const nodeKeyOf = ({ orgId, node }: NodeAddress): string => `${orgId}/${node}`;
