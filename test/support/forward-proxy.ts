import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * A test double of an HTTP proxy that keeps what it was asked for: `GET http://HOST/PATH` where it hands a request on,
 * `CONNECT HOST:PORT` where it only hands bytes on. Close it at the end.
 */
export class ForwardProxy {
  readonly asked: string[] = [];
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
    this.asked.push(`${incoming.method} ${incoming.url}`);
    const onward = request(incoming.url!, { method: incoming.method!, headers: incoming.headers });
    onward.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  }

  private tunnel(incoming: IncomingMessage, client: Duplex): void {
    this.asked.push(`CONNECT ${incoming.url}`);
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
