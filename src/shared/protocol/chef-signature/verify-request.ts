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

/** The request that the headers came with. */
export interface ReceivedRequest {
  readonly method: string;
  /** The request target as it was sent, not decoded; a query is ignored. */
  readonly path: string;
  /** The body's bytes; empty where there was none. */
  readonly body: Uint8Array;
}

/** Reads a principal's key: SubjectPublicKeyInfo, PKCS#1 or X.509 PEM; undefined where it is not an RSA key. */
export const readPublicKey = (pem: string): KeyObject | undefined => {
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'rsa' ? key : undefined;
  } catch {
    return undefined; // OpenSSL throws where the text is not a key
  }
};

/** Whether the signature was made over exactly this request by the owner of the key; the body's hash is compared too. */
export const verifyRequest = (headers: SignedHeaders, request: ReceivedRequest, key: KeyObject): boolean => {
  if (headers.contentHash !== contentHash(headers.version, request.body)) return false;
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
    return false; // OpenSSL throws where the signature is not of this key
  }
};
