import { createHash } from 'node:crypto';

const MAX_LENGTH = 200;
const HASH_LENGTH = 16;

/**
 * Returns a safe file name for any node name. Letters, digits, `-`, `_` and dots (except a leading dot) are kept; the
 * bytes of other characters are written as `%XX`. A long name is truncated and gets a hash of the node name.
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
