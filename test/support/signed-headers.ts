import type { RequestHeaders } from '../../src/shared/protocol/chef-signature/signed-headers.js';

/** Headers as a server receives them: names in lower case. */
export const asReceived = (sent: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(sent).map(([name, value]) => [name.toLowerCase(), value]));

/** The headers with these changes; a value of undefined removes a header. */
export const withHeaders = (
  headers: RequestHeaders,
  changes: Readonly<Record<string, string | undefined>>,
): RequestHeaders => ({ ...headers, ...changes });
