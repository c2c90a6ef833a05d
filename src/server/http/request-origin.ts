import type { FastifyRequest } from 'fastify';
import { RefusedRequest } from './refused-request.js';

const USUAL_PORT = /:(?:80|443)$/;

/** A name, an IPv4 or an IPv6 address, perhaps with a port. */
const HOST = /^(?:[\w.~%!$&'()*+,;=-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/** The refusal of a request that does not say whom it is for: answers could not name this server as its sender sees it. */
export const refuseHost = ({ headers: { host }, raw }: FastifyRequest): RefusedRequest | undefined => {
  const isGood = host === undefined ? raw.httpVersion === '1.0' : HOST.test(host);
  return isGood
    ? undefined
    : new RefusedRequest({ status: 400, error: ['the header Host must be a name or an address'] });
};

/**
 * `SCHEME://HOST` as the sender of a request sees the server (REST API, "Resources"): the scheme of the proxy in front
 * or of the connection, the `Host` header, its port only where it is not 80 or 443.
 */
export const requestOrigin = (request: FastifyRequest): string => {
  const scheme = request.protocol === 'https' ? 'https' : 'http';
  const { localAddress = 'localhost', localPort } = request.socket;
  // HTTP/1.0 knows no Host header.
  const host = request.headers.host ?? `${localAddress}:${localPort ?? 80}`;
  return `${scheme}://${host.replace(USUAL_PORT, '')}`;
};
