import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { parsePublicKey } from '../../shared/protocol/chef-signature/verify-request.js';

/** Enough for all users who send requests; nodes send one per hour, so their keys need not stay. */
const MAX_KEYS = 1000;

/**
 * Parses public keys and caches them by their text, which cannot become outdated. To parse a key takes several times as
 * long as to verify a signature with it.
 */
export class PublicKeyCache {
  private readonly parsed = new LRUCache<string, KeyObject>({ max: MAX_KEYS });

  /** Returns the key of a PEM text; undefined if it is not an RSA key. */
  parse(pem: string): KeyObject | undefined {
    const known = this.parsed.get(pem);
    if (known !== undefined) return known;
    const key = parsePublicKey(pem);
    if (key !== undefined) this.parsed.set(pem, key);
    return key;
  }
}
