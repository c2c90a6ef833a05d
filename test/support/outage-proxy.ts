import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * How a connection between a node and the server fails:
 * - `refused`: both sides see a reset, and new connections are refused.
 * - `stalled`: no byte passes; all bytes arrive afterwards, as after a short failure of a TCP route.
 * - `node half-open`: only the server sees a reset; what the node sends is lost, and it sees a reset afterwards.
 * - `server half-open`: only the node sees a reset; the server keeps a connection on which nothing comes any more.
 */
export type NetworkOutage = 'refused' | 'stalled' | 'node half-open' | 'server half-open';

/** The two sockets of one connection through the proxy. */
interface Pair {
  readonly node: Socket;
  server: Socket | undefined;
}

/** A TCP proxy between one node and one port of the server, on a free port of 127.0.0.1. */
export class OutageProxy {
  private readonly pairs = new Set<Pair>();
  /** All open sockets, also those of half-open connections. */
  private readonly sockets = new Set<Socket>();
  private outage: NetworkOutage | undefined;

  private constructor(
    private readonly listener: Server,
    private readonly serverPort: number,
  ) {
    listener.on('connection', (node: Socket) => this.accept(node));
  }

  static async start(serverPort: number): Promise<OutageProxy> {
    const listener = createServer({ noDelay: true, pauseOnConnect: true });
    const proxy = new OutageProxy(listener, serverPort);
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  begin(outage: NetworkOutage): void {
    this.outage = outage;
    for (const pair of this.pairs) this.interrupt(pair, outage);
  }

  /** Lets connections pass again. */
  heal(): void {
    const { outage } = this;
    this.outage = undefined;
    for (const pair of [...this.pairs]) {
      if (outage === 'node half-open') this.remove(pair);
      else this.resume(pair);
    }
  }

  async close(): Promise<void> {
    this.pairs.clear();
    for (const socket of this.sockets) socket.destroy(); // a reset would wait until all bytes are written
    this.listener.close();
    await once(this.listener, 'close');
  }

  private accept(node: Socket): void {
    const { outage } = this;
    this.track(node);
    if (outage === 'refused' || outage === 'server half-open') {
      node.resetAndDestroy();
      return;
    }
    const pair: Pair = { node, server: undefined };
    this.pairs.add(pair);
    node.on('close', () => this.end(pair));
    if (outage === undefined) this.resume(pair);
  }

  private track(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.sockets.delete(socket));
  }

  /** Connects a new pair to the server, and lets both sockets of a stalled one send again. */
  private resume(pair: Pair): void {
    if (pair.server === undefined) this.connectToServer(pair);
    pair.node.resume();
    pair.server?.resume();
  }

  private connectToServer(pair: Pair): void {
    const { node } = pair;
    const server = connect({ port: this.serverPort, host: '127.0.0.1', noDelay: true });
    pair.server = server;
    this.track(server);
    server.on('close', () => {
      if (pair.server === server) this.end(pair);
    });
    server.on('data', (bytes) => {
      if (pair.server === server) node.write(bytes);
    });
    node.on('data', (bytes) => {
      if (pair.server === server) server.write(bytes);
    });
  }

  private interrupt(pair: Pair, outage: NetworkOutage): void {
    const { node, server } = pair;
    switch (outage) {
      case 'refused':
        this.remove(pair);
        return;
      case 'stalled':
        node.pause();
        server?.pause();
        return;
      case 'node half-open':
        pair.server = undefined;
        server?.resetAndDestroy();
        return;
      case 'server half-open':
        pair.server = undefined; // its socket stays open
        this.remove(pair);
    }
  }

  /** Ends a pair of which one side has closed its socket: what it sent before still arrives. */
  private end(pair: Pair): void {
    if (!this.pairs.delete(pair)) return;
    pair.node.end();
    pair.server?.end();
  }

  /** Resets both sockets of a pair. */
  private remove(pair: Pair): void {
    const { node, server } = pair;
    if (!this.pairs.delete(pair)) return;
    pair.server = undefined;
    node.resetAndDestroy();
    server?.resetAndDestroy();
  }
}
