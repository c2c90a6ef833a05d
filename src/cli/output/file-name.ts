import { createHash } from 'node:crypto';

const MAX_LENGTH = 200;
const HASH_LENGTH = 16;

/**
 * A name for a file of a node, whatever the node is called: letters, digits, `-`, `_` and dots stay (but for a leading
 * dot), all else is written as `%` and its bytes in hex. A long name is cut, and made unique by a hash.
 */
export const fileNameOf = (node: string): string => {
  const safe = node.replace(/^\.|[^\w.-]/gu, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`)
      .join(''),
  );
  if (safe.length <= MAX_LENGTH) return safe;
  const hash = createHash('sha256').update(node).digest('hex').slice(0, HASH_LENGTH);
  return `${safe.slice(0, MAX_LENGTH - HASH_LENGTH - 1)}~${hash}`;
};
