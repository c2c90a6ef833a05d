import { createHash } from 'node:crypto';
import type { Requestor } from '../../auth/auth.port.js';
import type { JobRequestMark } from '../job-store.port.js';

/** What a key may be: what HTTP headers carry unharmed, of a length that nobody needs more of. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/** Whether a header's value can be an `Idempotency-Key`. */
export const isRequestKey = (value: unknown): value is string => typeof value === 'string' && KEY.test(value);

const sha256 = (...parts: (string | Uint8Array)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** The mark of a request: keys of different users and clients have nothing to do with each other. */
export const markOf = ({ type, name }: Requestor, key: string, body: Uint8Array): JobRequestMark => ({
  request: sha256(JSON.stringify([type, name, key])),
  bodyHash: sha256(body),
});
