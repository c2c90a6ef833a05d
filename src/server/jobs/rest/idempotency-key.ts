import { createHash } from 'node:crypto';
import type { Requestor } from '../../auth/auth.port.js';
import type { IdempotencyMark } from '../job-store.port.js';

/** Visible ASCII: HTTP headers carry it unchanged. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/** Whether a header value is a valid `Idempotency-Key`. */
export const isIdempotencyKey = (value: unknown): value is string =>
  typeof value === 'string' && KEY.test(value);

const sha256 = (...parts: (string | Uint8Array)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** Returns the mark of a request; equal keys of different requestors have different marks. */
export const idempotencyMark = (
  { type, name }: Requestor,
  key: string,
  body: Uint8Array,
): IdempotencyMark => ({
  keyHash: sha256(JSON.stringify([type, name, key])),
  bodyHash: sha256(body),
});
