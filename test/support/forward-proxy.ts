import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * A test double of an HTTP proxy that records its requests: `GET http://HOST/PATH` if it forwards a request,
 * `CONNECT HOST:PORT` if it forwards bytes. Close it at the end.
 */
export class ForwardProxy {
  readonly requests: string[] = [];
  private readonly tunnels: Duplex[] = [];

  private constructor(private readonly server: Server) {
    server.on('request', (incoming, outgoing) => this.forward(incoming, outgoing));
    server.on('connect', (incoming, client: Duplex) => this.tunnel(incoming, client));
  }

  static async start(): Promise<ForwardProxy> {
    const proxy = new ForwardProxy(createServer());
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const tunnel of this.tunnels) tunnel.destroy();
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    this.requests.push(`${incoming.method} ${incoming.url}`);
    const forwarded = request(incoming.url!, { method: incoming.method!, headers: incoming.headers });
    forwarded.on('response', (response) => {
      outgoing.writeHead(response.statusCode!, response.headers);
      response.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  }

  private tunnel(incoming: IncomingMessage, client: Duplex): void {
    this.requests.push(`CONNECT ${incoming.url}`);
    const [host, port] = incoming.url!.split(':');
    const target = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      target.pipe(client);
      client.pipe(target);
    });
    this.tunnels.push(client, target);
    target.on('error', () => client.destroy());
    client.on('error', () => target.destroy());
  }
}
