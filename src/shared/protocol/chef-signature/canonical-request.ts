import { createHash } from 'node:crypto';

/** The supported versions of Chef's signed headers. See docs/spec/rest-api.md, "Authentication". */
export const SIGNATURE_VERSIONS = ['1.0', '1.1', '1.2', '1.3'] as const;
export type SignatureVersion = (typeof SIGNATURE_VERSIONS)[number];

/** The parts of a request that are signed. */
export interface SignedParts {
  readonly version: SignatureVersion;
  /** The HTTP method. */
  readonly method: string;
  /** The path as sent, not decoded; the query is not signed. */
  readonly path: string;
  /** `X-Ops-Content-Hash`: the body's hash in base64. */
  readonly contentHash: string;
  /** `X-Ops-Timestamp` as sent. */
  readonly timestamp: string;
  /** `X-Ops-UserId`. */
  readonly userId: string;
  /** `X-Ops-Server-API-Version`; signed in version 1.3 only. */
  readonly serverApiVersion?: string | undefined;
}

/** The digest algorithm of a version. */
export const digestOf = (version: SignatureVersion): 'sha1' | 'sha256' =>
  version === '1.3' ? 'sha256' : 'sha1';

/** The value of `X-Ops-Content-Hash` for a body. */
export const contentHash = (version: SignatureVersion, body: Uint8Array): string =>
  createHash(digestOf(version)).update(body).digest('base64');

/** Removes the query, repeated `/` and a trailing `/` from a path (but "/" stays). */
export const canonicalPath = (target: string): string => {
  const [path = ''] = target.split('?', 1);
  const joined = path.replace(/\/{2,}/g, '/');
  return joined.length > 1 && joined.endsWith('/') ? joined.slice(0, -1) : joined;
};

const sha1 = (text: string): string => createHash('sha1').update(text).digest('base64');

/** The text that is signed. */
export const canonicalRequest = (parts: SignedParts): string => {
  const method = parts.method.toUpperCase();
  const path = canonicalPath(parts.path);
  if (parts.version === '1.3') {
    return [
      `Method:${method}`,
      `Path:${path}`,
      `X-Ops-Content-Hash:${parts.contentHash}`,
      'X-Ops-Sign:version=1.3',
      `X-Ops-Timestamp:${parts.timestamp}`,
      `X-Ops-UserId:${parts.userId}`,
      `X-Ops-Server-API-Version:${parts.serverApiVersion ?? '0'}`,
    ].join('\n');
  }
  return [
    `Method:${method}`,
    `Hashed Path:${sha1(path)}`,
    `X-Ops-Content-Hash:${parts.contentHash}`,
    `X-Ops-Timestamp:${parts.timestamp}`,
    `X-Ops-UserId:${parts.version === '1.0' ? parts.userId : sha1(parts.userId)}`,
  ].join('\n');
};
