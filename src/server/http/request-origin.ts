import type { FastifyRequest } from 'fastify';
import { RejectedRequest } from './rejected-request.js';

const DEFAULT_PORT = /:(?:80|443)$/;

/** A name, an IPv4 or an IPv6 address, with an optional port. */
const HOST = /^(?:[\w.~%!$&'()*+,;=-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/**
 * Rejects a request with a missing, repeated or invalid `Host`, because the URLs in responses contain it, and a proxy may
 * use another one of several than we do.
 */
export const rejectInvalidHost = ({
  headers: { host },
  raw,
}: FastifyRequest): RejectedRequest | undefined => {
  if (countHosts(raw.rawHeaders) > 1) {
    return new RejectedRequest({ status: 400, error: ['the header Host must be there only once'] });
  }
  const isValid = host === undefined ? raw.httpVersion === '1.0' : HOST.test(host);
  return isValid
    ? undefined
    : new RejectedRequest({ status: 400, error: ['the header Host must be a name or an address'] });
};

/** Node.js hides repeated `Host` headers; in `rawHeaders` names and values alternate. */
const countHosts = (rawHeaders: readonly string[]): number => {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') count++;
  }
  return count;
};

/** Rejects a request whose body has another transfer coding than `chunked`: nobody would decode the body. */
export const rejectTransferCoding = ({ headers }: FastifyRequest): RejectedRequest | undefined => {
  const coding = headers['transfer-encoding'];
  if (coding === undefined || coding.trim().toLowerCase() === 'chunked') return undefined;
  return new RejectedRequest({ status: 501, error: [`Transfer-Encoding must be chunked, not '${coding}'`] });
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
