import { err, ok, type Result } from '../../lib/result.js';
import { parseChefTimestamp } from '../wire-time.js';
import { digestOf, SIGNATURE_VERSIONS, type SignatureVersion } from './canonical-request.js';

/** The signed headers of a request, understood but not yet verified. */
export interface SignedHeaders {
  readonly version: SignatureVersion;
  readonly userId: string;
  /** As it was sent. */
  readonly timestamp: string;
  readonly contentHash: string;
  /** The signature's bytes; empty where no `X-Ops-Authorization-N` came. */
  readonly signature: Buffer;
  readonly serverApiVersion: string | undefined;
}

/** Why signed headers are refused before anybody is asked for a key. */
export type HeadersFault =
  | { readonly kind: 'missing'; readonly headers: readonly string[] }
  | { readonly kind: 'bad_timestamp' }
  | { readonly kind: 'clock_skew'; readonly userId: string }
  | { readonly kind: 'unsupported_version' };

/** Request headers, names in small letters, as Node.js gives them. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** A request whose time is further from ours than this many seconds is refused. */
export const MAX_CLOCK_SKEW_S = 900;

/** In the order in which missing ones are named. */
const REQUIRED = ['X-Ops-UserId', 'X-Ops-Timestamp', 'X-Ops-Sign', 'X-Ops-Content-Hash'] as const;

const valueOf = (headers: RequestHeaders, name: string): string => {
  const value = headers[name.toLowerCase()];
  return (Array.isArray(value) ? value.join(', ') : (value ?? '')).trim();
};

/**
 * Reads the signed headers of a request that came at `nowMs` (milliseconds since 1970), in the order of REST API,
 * "Authentication": missing, timestamp, skew, version. Nothing is verified yet.
 */
export const readSignedHeaders = (
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

/** The version in `X-Ops-Sign`; undefined where it is not spoken, said twice, or its algorithm is another one. */
const readVersion = (sign: string): SignatureVersion | undefined => {
  const pairs = new Map<string, string>();
  for (const part of sign.split(';')) {
    const [name = '', ...values] = part.split('=').map((text) => text.trim());
    if (values.length === 0) continue;
    if (pairs.has(name)) return undefined; // a doubled header says two things
    pairs.set(name, values.join('='));
  }
  const version = SIGNATURE_VERSIONS.find((known) => known === pairs.get('version'));
  if (version === undefined) return undefined;
  return (pairs.get('algorithm') ?? digestOf(version)) === digestOf(version) ? version : undefined;
};

/** The signature's lines, joined in order until a number is missing. */
const readSignature = (headers: RequestHeaders): Buffer => {
  let text = '';
  for (let number = 1; ; number++) {
    const line = valueOf(headers, `X-Ops-Authorization-${number}`);
    if (line === '') return Buffer.from(text, 'base64');
    text += line;
  }
};
