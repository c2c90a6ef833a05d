import type { RequestHeaders } from '../../src/shared/protocol/chef-signature/signed-headers.js';

/** Headers as a server receives them from a signer: names in small letters. */
export const asReceived = (sent: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(sent).map(([name, value]) => [name.toLowerCase(), value]));

/** The same headers with some replaced, or left out where the new value is undefined. */
export const withHeaders = (
  headers: RequestHeaders,
  changes: Readonly<Record<string, string | undefined>>,
): RequestHeaders => ({ ...headers, ...changes });
