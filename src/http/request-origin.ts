import type { FastifyRequest } from 'fastify';

const USUAL_PORT = /:(?:80|443)$/;

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
