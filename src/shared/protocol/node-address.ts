/** Identifies a node: the guid of its organization (32 hexadecimal digits) and its name. */
export interface NodeAddress {
  readonly orgId: string;
  readonly node: string;
}

/** Maximum length of a node's name in bytes of UTF-8; Chef Server allows less, the database index not much more. */
export const MAX_NODE_NAME_BYTES = 1024;

/** A map key for an address. It is unique because a guid has a fixed length. */
export const nodeKeyOf = ({ orgId, node }: NodeAddress): string => `${orgId}/${node}`;
