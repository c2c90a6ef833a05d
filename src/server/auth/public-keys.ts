import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { readPublicKey } from '../../shared/protocol/chef-signature/verify-request.js';

/** Users come again and again, nodes once an hour. */
const MOST_KEYS = 1000;

/**
 * Reads public keys, and keeps those that were used last as they were read: reading one takes several times as long as
 * checking a signature by it. A key is found by its whole text, so nothing is kept here that could be out of date.
 */
export class PublicKeys {
  private readonly known = new LRUCache<string, KeyObject>({ max: MOST_KEYS });

  /** The key in a PEM text; undefined where it is not an RSA key. */
  read(pem: string): KeyObject | undefined {
    const known = this.known.get(pem);
    if (known !== undefined) return known;
    const key = readPublicKey(pem);
    if (key !== undefined) this.known.set(pem, key);
    return key;
  }
}
