import { err, ok, type Result } from '../../lib/result.js';
import { parseChefTimestamp } from '../wire-time.js';
import { digestOf, SIGNATURE_VERSIONS, type SignatureVersion } from './canonical-request.js';

/** The parsed signed headers of a request, not verified. */
export interface SignedHeaders {
  readonly version: SignatureVersion;
  readonly userId: string;
  /** As sent. */
  readonly timestamp: string;
  readonly contentHash: string;
  /** Empty if there is no `X-Ops-Authorization-N` header. */
  readonly signature: Buffer;
  readonly serverApiVersion: string | undefined;
}

/** Why signed headers are rejected before any key is fetched. */
export type HeadersFault =
  | { readonly kind: 'missing'; readonly headers: readonly string[] }
  | { readonly kind: 'bad_timestamp' }
  | { readonly kind: 'clock_skew'; readonly userId: string }
  | { readonly kind: 'unsupported_version' };

/** Request headers of Node.js, with names in lower case. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** A request is rejected if its time differs from ours by more than this many seconds. */
export const MAX_CLOCK_SKEW_S = 900;

/** Errors name missing headers in this order. */
const REQUIRED = ['X-Ops-UserId', 'X-Ops-Timestamp', 'X-Ops-Sign', 'X-Ops-Content-Hash'] as const;

const valueOf = (headers: RequestHeaders, name: string): string => {
  const value = headers[name.toLowerCase()];
  return (Array.isArray(value) ? value.join(', ') : (value ?? '')).trim();
};

/**
 * Parses the signed headers of a request that arrived at `nowMs` (milliseconds since 1970); does not verify them. Checks
 * in this order: missing headers, timestamp, clock skew, version.
 * See docs/spec/rest-api.md, "Authentication".
 */
export const parseSignedHeaders = (
  headers: RequestHeaders,
  nowMs: number,
): Result<SignedHeaders, HeadersFault> => {
  const missing = REQUIRED.filter((name) => valueOf(headers, name) === '');
  if (missing.length > 0) return err({ kind: 'missing', headers: missing });

  const userId = valueOf(headers, 'X-Ops-UserId');
  const timestamp = valueOf(headers, 'X-Ops-Timestamp');
  const sentAt = parseChefTimestamp(timestamp);
  if (sentAt === undefined) return err({ kind: 'bad_timestamp' });
  if (Math.abs(nowMs - sentAt) > MAX_CLOCK_SKEW_S * 1000) return err({ kind: 'clock_skew', userId });

  const version = readVersion(valueOf(headers, 'X-Ops-Sign'));
  if (version === undefined) return err({ kind: 'unsupported_version' });
  return ok({
    version,
    userId,
    timestamp,
    contentHash: valueOf(headers, 'X-Ops-Content-Hash'),
    signature: readSignature(headers),
    serverApiVersion: valueOf(headers, 'X-Ops-Server-API-Version') || undefined,
  });
};

/** The version in `X-Ops-Sign`; undefined if it is unsupported, ambiguous, or does not match the algorithm. */
const readVersion = (sign: string): SignatureVersion | undefined => {
  const pairs = new Map<string, string>();
  for (const part of sign.split(';')) {
    const [name = '', ...values] = part.split('=').map((text) => text.trim());
    if (values.length === 0) continue;
    if (pairs.has(name)) return undefined; // a repeated header is ambiguous
    pairs.set(name, values.join('='));
  }
  const version = SIGNATURE_VERSIONS.find((known) => known === pairs.get('version'));
  if (version === undefined) return undefined;
  return (pairs.get('algorithm') ?? digestOf(version)) === digestOf(version) ? version : undefined;
};

/** Joins the signature's lines in order, up to the first missing number. */
const readSignature = (headers: RequestHeaders): Buffer => {
  let text = '';
  for (let number = 1; ; number++) {
    const line = valueOf(headers, `X-Ops-Authorization-${number}`);
    if (line === '') return Buffer.from(text, 'base64');
    text += line;
  }
};
