import type { KeyObject } from 'node:crypto';
import type { SignatureVersion } from '../../src/shared/protocol/chef-signature/canonical-request.js';
import { signRequest } from '../../src/shared/protocol/chef-signature/sign-request.js';
import { type PlainAnswer, type PlainRequest, sendHttp } from './http-request.js';

/** Who signs, when, and how. */
export interface TestSigner {
  readonly user: string;
  readonly key: KeyObject;
  readonly version?: SignatureVersion;
  /** Milliseconds since 1970 (default: now). */
  readonly nowMs?: number;
}

/** The signed headers of a request, to be sent as they are or spoilt first. */
export const signedHeaders = (
  { user, key, version = '1.3', nowMs = Date.now() }: TestSigner,
  { method = 'GET', path, body = '' }: PlainRequest,
): Record<string, string> =>
  signRequest({ userId: user, key, version }, { method, path, body: Buffer.from(body) }, nowMs);

/** Signs a request over its path as it is sent, and sends it. */
export const sendSigned = (
  baseUrl: string,
  signer: TestSigner,
  request: PlainRequest,
): Promise<PlainAnswer> =>
  sendHttp(baseUrl, { ...request, headers: { ...signedHeaders(signer, request), ...request.headers } });
