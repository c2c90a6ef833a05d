import {
  constants,
  createPublicKey,
  type KeyObject,
  publicDecrypt,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { canonicalRequest, contentHash, digestOf } from './canonical-request.js';
import type { SignedHeaders } from './signed-headers.js';

/** The request to verify. */
export interface ReceivedRequest {
  readonly method: string;
  /** The request target as sent, not decoded; the query is ignored. */
  readonly path: string;
  /** Empty if there is no body. */
  readonly body: Uint8Array;
}

/** Parses a principal's key from PEM (SubjectPublicKeyInfo, PKCS#1 or X.509); undefined if it is not an RSA key. */
export const parsePublicKey = (pem: string): KeyObject | undefined => {
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'rsa' ? key : undefined;
  } catch {
    return undefined; // OpenSSL throws if the text is not a key
  }
};

/**
 * Whether the owner of the key signed exactly this request, including its body. Hashes the body last, because a body may
 * be large, and anybody can send one with an invalid signature.
 */
export const verifyRequest = (headers: SignedHeaders, request: ReceivedRequest, key: KeyObject): boolean =>
  isSignatureOf(headers, request, key) && headers.contentHash === contentHash(headers.version, request.body);

const isSignatureOf = (headers: SignedHeaders, request: ReceivedRequest, key: KeyObject): boolean => {
  const text = Buffer.from(
    canonicalRequest({
      version: headers.version,
      method: request.method,
      path: request.path,
      contentHash: headers.contentHash,
      timestamp: headers.timestamp,
      userId: headers.userId,
      serverApiVersion: headers.serverApiVersion,
    }),
  );
  try {
    if (headers.version === '1.2' || headers.version === '1.3') {
      return verify(digestOf(headers.version), text, key, headers.signature);
    }
    const signed = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, headers.signature);
    return signed.length === text.length && timingSafeEqual(signed, text);
  } catch {
    return false; // OpenSSL throws if the signature is of another key
  }
};
