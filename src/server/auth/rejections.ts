import type { HeadersFault } from '../../shared/protocol/chef-signature/signed-headers.js';
import type { Rejection } from '../http/rejected-request.js';

const CHALLENGE = { 'WWW-Authenticate': 'X-Ops-Sign version="1.0" version="1.1"' };

const rejection = (
  status: number,
  reason: string,
  error: string,
  headers: Rejection['headers'] = {},
): Rejection => ({ status, reason, error: [error], headers });

/**
 * The responses that reject a request in authentication and authorization. Clients in the field know the texts. See
 * docs/spec/rest-api.md, "Authentication".
 */
export const rejections = {
  headers: (fault: HeadersFault): Rejection => {
    switch (fault.kind) {
      case 'missing': {
        const names = fault.headers.map((name) => `'${name}'`).join(', ');
        return rejection(400, 'missing_headers', `missing required authentication header(s) ${names}`);
      }
      case 'bad_timestamp':
        return rejection(401, 'bad_timestamp', "bad header(s) 'X-Ops-Timestamp'");
      case 'clock_skew':
        return rejection(
          401,
          'clock_skew',
          `Failed to authenticate as ${fault.userId}. Synchronize the clock on your host.`,
        );
      case 'unsupported_version':
        return rejection(400, 'unsupported_version', 'Unsupported authentication protocol version');
    }
  },
  contentType: (sent: string | undefined): Rejection =>
    rejection(415, 'content_type', `Content-Type must be application/json, not '${sent ?? ''}'`),
  contentEncoding: (sent: string): Rejection =>
    rejection(415, 'content_encoding', `Content-Encoding must be left out, '${sent}' is not understood`),
  organization: (org: string): Rejection =>
    rejection(404, 'organization', `organization '${org}' does not exist.`),
  principal: (name: string): Rejection =>
    rejection(
      401,
      'principal',
      `Failed to authenticate as '${name}'. Ensure that your node_name and client key are correct.`,
      CHALLENGE,
    ),
  association: (name: string, org: string): Rejection =>
    rejection(403, 'association', `'${name}' is not associated with organization '${org}'`),
  signature: (name: string): Rejection =>
    rejection(401, 'signature', `Invalid signature for user or client '${name}'`, CHALLENGE),
  unavailable: (reason: string): Rejection =>
    rejection(502, 'chef_server', `Failed to connect to erchef to get key: ${reason}`),
  rights: (name: string): Rejection =>
    rejection(403, 'rights', `User or client '${name}' does not have access to that action on this server.`),
  nodeName: (): Rejection => rejection(403, 'node_name', 'Client and node name must match'),
  accept: (produced: string): Rejection =>
    rejection(406, 'accept', `this resource is served as ${produced} only`),
  noAccept: (): Rejection =>
    rejection(406, 'accept', 'this is a feed: the header Accept must name text/event-stream'),
} as const;
