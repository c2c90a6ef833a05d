import type { FastifyRequest } from 'fastify';
import { RejectedRequest } from './rejected-request.js';

const DEFAULT_PORT = /:(?:80|443)$/;

/** A name, an IPv4 or an IPv6 address, with an optional port. */
const HOST = /^(?:[\w.~%!$&'()*+,;=-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/** Rejects a request with a missing or invalid `Host`, because the URLs in responses contain it. */
export const rejectInvalidHost = ({
  headers: { host },
  raw,
}: FastifyRequest): RejectedRequest | undefined => {
  const isValid = host === undefined ? raw.httpVersion === '1.0' : HOST.test(host);
  return isValid
    ? undefined
    : new RejectedRequest({ status: 400, error: ['the header Host must be a name or an address'] });
};

/**
 * Returns `SCHEME://HOST`, the server as the sender of a request sees it. HOST has no port if that is 80 or 443.
 * See docs/spec/rest-api.md, "Resources".
 */
export const requestOrigin = (request: FastifyRequest): string => {
  const scheme = request.protocol === 'https' ? 'https' : 'http';
  const { localAddress = 'localhost', localPort } = request.socket;
  // HTTP/1.0 has no Host header.
  const host = request.headers.host ?? `${localAddress}:${localPort ?? 80}`;
  return `${scheme}://${host.replace(DEFAULT_PORT, '')}`;
};
