import { createServer, type Server, type Socket } from 'node:net';
import { forEachInSlices } from '../../lib/time-slices.js';
import { encodeZmtpMessage } from '../../protocol/zmtp.js';
import { listenOn } from '../bind-error.js';
import { parseListenAddress } from '../curve-front/listen-address.js';
import { type CloseReason, SubscriberConnection } from './subscriber-connection.js';

export interface BroadcastServerOptions {
  /** How many connections there may be; asked for each new one. */
  readonly maxConnections: () => number;
  /** Milliseconds that a connection may take until its handshake is over. */
  readonly handshakeMs: number;
  /** Connections that the kernel holds for us. */
  readonly backlog: number;
  /** Seconds of silence after which the kernel asks whether the peer is still there. */
  readonly keepaliveIdle: number;
  /** Called for each connection that is closed because of what it did, or because others need the room. */
  readonly closed: (reason: CloseReason) => void;
  /** Called with what should not happen; the server goes on. */
  readonly fault: (thrown: unknown) => void;
}

/**
 * A publisher (PUB of ZeroMQ, ZMTP 3 without encryption) that sends every message to every subscriber. It differs from
 * libzmq's in what it does not keep: subscriptions, and a queue per subscriber. So nothing that a stranger sends costs
 * memory, and a message is encoded once for all. A subscriber that does not read misses messages, then loses its
 * connection. If there are too many connections, the oldest of the address that has most is closed, so that one address
 * cannot keep the others out.
 */
export class BroadcastServer {
  private readonly server: Server;
  private readonly connectionsOf = new Map<string, Set<SubscriberConnection>>();
  private readonly connections = new Set<SubscriberConnection>();
  private sending: Promise<void> = Promise.resolve();

  constructor(private readonly options: BroadcastServerOptions) {
    this.server = createServer({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: options.keepaliveIdle * 1000,
    });
    this.server.on('connection', (socket) => this.accept(socket));
  }

  /** How many connections there are, those in their handshake included. */
  get connectionCount(): number {
    return this.connections.size;
  }

  /** Listens; resolves to the bound address. Throws an AppError that names the address if that fails. */
  async listen(address: string): Promise<string> {
    const { host, port } = parseListenAddress(address);
    const bound = await listenOn(this.server, address, { host, port, backlog: this.options.backlog });
    this.server.on('error', this.options.fault);
    return `tcp://${host}:${bound}`;
  }

  /** Sends a message to all subscribers, after the messages before it. Resolves when each has got it or missed it. */
  send(header: string, body: string): Promise<void> {
    const message = encodeZmtpMessage([header, body]);
    this.sending = this.sending.then(() =>
      forEachInSlices(this.connections, (connection) => connection.send(message)),
    );
    return this.sending;
  }

  /** Closes all connections and stops listening. */
  close(): void {
    for (const connection of this.connections) connection.close();
    this.server.close();
  }

  private accept(socket: Socket): void {
    const connection = new SubscriberConnection(socket, this.options.handshakeMs, {
      closed: (closed, reason) => {
        this.remove(closed);
        if (reason !== undefined) this.options.closed(reason);
      },
    });
    this.connections.add(connection);
    const siblings = this.connectionsOf.get(connection.remoteAddress);
    if (siblings === undefined) this.connectionsOf.set(connection.remoteAddress, new Set([connection]));
    else siblings.add(connection);
    if (this.connections.size > this.options.maxConnections()) this.evictOne();
  }

  private evictOne(): void {
    let most = new Set<SubscriberConnection>();
    for (const siblings of this.connectionsOf.values()) if (siblings.size > most.size) most = siblings;
    const [oldest] = most;
    if (oldest === undefined) return;
    this.remove(oldest); // at once: its socket says only later that it is closed
    oldest.close('evicted');
  }

  private remove(connection: SubscriberConnection): void {
    this.connections.delete(connection);
    const siblings = this.connectionsOf.get(connection.remoteAddress);
    siblings?.delete(connection);
    if (siblings?.size === 0) this.connectionsOf.delete(connection.remoteAddress);
  }
}
