import { type IncomingMessage, request, type ServerResponse } from 'node:http';

/** What Chef Server's nginx hands on to the push jobs server. */
const ROUTE = /^\/(organizations\/[a-z0-9\-_]+\/)?pushy(\/|$)/;

/** Whether a request target belongs to the push jobs server. */
export const isForPushy = (target: string): boolean =>
  ROUTE.test((target.split('?', 1)[0] ?? '').replace(/\/{2,}/g, '/'));

/**
 * Hands a request on to the push jobs server and its answer back as it comes, so that feeds stream: path and `Host` as
 * they were sent, the scheme in `X-Forwarded-Proto`.
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
  upstream.on('response', (answer) => {
    const { connection: _ours, 'keep-alive': _theirs, ...headers } = answer.headers;
    outgoing.writeHead(answer.statusCode ?? 502, headers);
    outgoing.flushHeaders();
    answer.on('error', () => outgoing.destroy());
    answer.pipe(outgoing);
  });
  upstream.on('error', () => {
    if (outgoing.headersSent) return void outgoing.destroy();
    outgoing.writeHead(502, { 'Content-Type': 'text/html' });
    outgoing.end('<html><head><title>502 Bad Gateway</title></head></html>\r\n');
  });
  outgoing.on('close', () => upstream.destroy());
  incoming.pipe(upstream);
};
