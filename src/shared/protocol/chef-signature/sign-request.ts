import { constants, type KeyObject, privateEncrypt, sign } from 'node:crypto';
import { formatChefTimestamp } from '../wire-time.js';
import { canonicalRequest, contentHash, digestOf, type SignatureVersion } from './canonical-request.js';

/** A request to sign. */
export interface UnsignedRequest {
  readonly method: string;
  /** Path, with or without a query. */
  readonly path: string;
  /** Empty if there is no body. */
  readonly body: Uint8Array;
}

/** Who signs, with which key and version. */
export interface Signer {
  readonly userId: string;
  readonly key: KeyObject;
  /** Default 1.3. */
  readonly version?: SignatureVersion;
  /** Sent as `X-Ops-Server-API-Version` (default 1). */
  readonly serverApiVersion?: string;
}

const LINE = /.{1,60}/g;

/** Returns the `X-Ops-…` headers that sign a request at the time `nowMs` (milliseconds since 1970). */
export const signRequest = (
  signer: Signer,
  request: UnsignedRequest,
  nowMs: number,
): Record<string, string> => {
  const version = signer.version ?? '1.3';
  const timestamp = formatChefTimestamp(nowMs);
  const hash = contentHash(version, request.body);
  const serverApiVersion = signer.serverApiVersion ?? '1';
  const text = canonicalRequest({
    version,
    method: request.method,
    path: request.path,
    contentHash: hash,
    timestamp,
    userId: signer.userId,
    serverApiVersion,
  });
  const headers: Record<string, string> = {
    'X-Ops-Sign': `algorithm=${digestOf(version)};version=${version};`,
    'X-Ops-UserId': signer.userId,
    'X-Ops-Timestamp': timestamp,
    'X-Ops-Content-Hash': hash,
    'X-Ops-Server-API-Version': serverApiVersion,
  };
  const lines = signText(version, signer.key, Buffer.from(text)).toString('base64').match(LINE) ?? [];
  lines.forEach((line, index) => (headers[`X-Ops-Authorization-${index + 1}`] = line));
  return headers;
};

const signText = (version: SignatureVersion, key: KeyObject, text: Buffer): Buffer =>
  version === '1.0' || version === '1.1'
    ? privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, text)
    : sign(digestOf(version), text, key);
