import { type IncomingMessage, request, type ServerResponse } from 'node:http';

/** Paths that Chef Server's nginx forwards to the Push Jobs server. */
const ROUTE = /^\/(organizations\/[a-z0-9\-_]+\/)?pushy(\/|$)/;

/** Whether a request target is for the Push Jobs server. */
export const isForPushy = (target: string): boolean =>
  ROUTE.test((target.split('?', 1)[0] ?? '').replace(/\/{2,}/g, '/'));

/**
 * Forwards a request to the Push Jobs server and streams the response back, so that feeds work. Path and `Host` stay
 * unchanged; the scheme is in `X-Forwarded-Proto`.
 */
export const proxyToPushy = (
  pushyUrl: string,
  scheme: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void => {
  const { hostname, port } = new URL(pushyUrl);
  const upstream = request({
    hostname,
    port,
    method: incoming.method,
    path: incoming.url,
    headers: { ...incoming.headers, 'x-forwarded-proto': scheme, connection: 'close' },
  });
  upstream.on('response', (response) => {
    const { connection: _connection, 'keep-alive': _keepAlive, ...headers } = response.headers;
    outgoing.writeHead(response.statusCode ?? 502, headers);
    outgoing.flushHeaders();
    response.on('error', () => outgoing.destroy());
    response.pipe(outgoing);
  });
  upstream.on('error', () => {
    if (outgoing.headersSent) return void outgoing.destroy();
    outgoing.writeHead(502, { 'Content-Type': 'text/html' });
    outgoing.end('<html><head><title>502 Bad Gateway</title></head></html>\r\n');
  });
  outgoing.on('close', () => upstream.destroy());
  incoming.pipe(upstream);
};
