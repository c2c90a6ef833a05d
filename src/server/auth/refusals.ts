import type { HeadersFault } from '../../shared/protocol/chef-signature/signed-headers.js';
import type { Refusal } from './auth.port.js';

const CHALLENGE = { 'WWW-Authenticate': 'X-Ops-Sign version="1.0" version="1.1"' };

const refusal = (
  status: number,
  reason: string,
  error: string,
  headers: Refusal['headers'] = {},
): Refusal => ({ status, reason, error: [error], headers });

/** Every answer that refuses a request for who sent it, with the texts that clients know (REST API, "Authentication"). */
export const refusals = {
  headers: (fault: HeadersFault): Refusal => {
    switch (fault.kind) {
      case 'missing': {
        const names = fault.headers.map((name) => `'${name}'`).join(', ');
        return refusal(400, 'missing_headers', `missing required authentication header(s) ${names}`);
      }
      case 'bad_timestamp':
        return refusal(401, 'bad_timestamp', "bad header(s) 'X-Ops-Timestamp'");
      case 'clock_skew':
        return refusal(
          401,
          'clock_skew',
          `Failed to authenticate as ${fault.userId}. Synchronize the clock on your host.`,
        );
      case 'unsupported_version':
        return refusal(400, 'unsupported_version', 'Unsupported authentication protocol version');
    }
  },
  contentType: (sent: string | undefined): Refusal =>
    refusal(415, 'content_type', `Content-Type must be application/json, not '${sent ?? ''}'`),
  contentEncoding: (sent: string): Refusal =>
    refusal(415, 'content_encoding', `Content-Encoding must be left out, '${sent}' is not understood`),
  organization: (org: string): Refusal =>
    refusal(404, 'organization', `organization '${org}' does not exist.`),
  principal: (name: string): Refusal =>
    refusal(
      401,
      'principal',
      `Failed to authenticate as '${name}'. Ensure that your node_name and client key are correct.`,
      CHALLENGE,
    ),
  association: (name: string, org: string): Refusal =>
    refusal(403, 'association', `'${name}' is not associated with organization '${org}'`),
  signature: (name: string): Refusal =>
    refusal(401, 'signature', `Invalid signature for user or client '${name}'`, CHALLENGE),
  unavailable: (reason: string): Refusal =>
    refusal(502, 'chef_server', `Failed to connect to erchef to get key: ${reason}`),
  rights: (name: string): Refusal =>
    refusal(403, 'rights', `User or client '${name}' does not have access to that action on this server.`),
  nodeName: (): Refusal => refusal(403, 'node_name', 'Client and node name must match'),
  accept: (produced: string): Refusal =>
    refusal(406, 'accept', `this resource is served as ${produced} only`),
  noAccept: (): Refusal =>
    refusal(406, 'accept', 'this is a feed: the header Accept must name text/event-stream'),
} as const;
