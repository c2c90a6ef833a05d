import type { KeyObject } from 'node:crypto';
import type { SignatureVersion } from '../../src/shared/protocol/chef-signature/canonical-request.js';
import { signRequest } from '../../src/shared/protocol/chef-signature/sign-request.js';
import { type PlainResponse, type PlainRequest, sendHttp } from './http-request.js';

/** Who signs a request, when, and with which version. */
export interface TestSigner {
  readonly user: string;
  readonly key: KeyObject;
  readonly version?: SignatureVersion;
  /** Milliseconds since 1970 (default: now). */
  readonly nowMs?: number;
}

/** Returns the signed headers of a request; tests may change them before they send it. */
export const signedHeaders = (
  { user, key, version = '1.3', nowMs = Date.now() }: TestSigner,
  { method = 'GET', path, body = '' }: PlainRequest,
): Record<string, string> =>
  signRequest({ userId: user, key, version }, { method, path, body: Buffer.from(body) }, nowMs);

/** Signs a request and sends it. */
export const sendSigned = (
  baseUrl: string,
  signer: TestSigner,
  request: PlainRequest,
): Promise<PlainResponse> =>
  sendHttp(baseUrl, { ...request, headers: { ...signedHeaders(signer, request), ...request.headers } });
