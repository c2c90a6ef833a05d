import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type CurveHello, type HelloOpener, serverGreeting } from '../../protocol/curve-hello.js';
import { bindFault } from '../bind-fault.js';
import { FrontedConnection } from './fronted-connection.js';
import { readListenAddress } from './listen-address.js';

/** A Curve listener behind the front. */
export interface CurveBackend {
  /** The secret key that it is set up with, 32 raw bytes. */
  readonly secretKey: Uint8Array;
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
}

export interface CurveFrontOptions {
  readonly backends: readonly CurveBackend[];
  readonly opens: HelloOpener;
  /** Milliseconds that a connection may take until its HELLO is there and passed on. */
  readonly handshakeMs: number;
  /** Connections that may be on their way through; more push out the oldest, which had the most time. */
  readonly maxPending: number;
  /** Connections that the kernel holds for us. */
  readonly backlog: number;
  /** Seconds without a word after which the kernel asks whether the peer is still there. */
  readonly keepaliveIdle: number;
  /** Told of each connection that is not let through. */
  readonly refused: () => void;
  /** Told how many connections there are to a backend, when that has changed. */
  readonly connections: (backend: CurveBackend, count: number) => void;
  /** Told of what should not happen; the front goes on. */
  readonly fault: (thrown: unknown) => void;
}

/** Milliseconds that judging may keep everything else waiting: it costs some tenths of one for each connection. */
const SLICE_MS = 5;

/**
 * Stands on one TCP port before several Curve listeners, each with a key of its own. CurveZMQ begins with a box that
 * only the key which a client knows the server by can open: so the front sees whose client it is, hands the connection
 * to that listener, and passes bytes both ways. It decides nothing else: who may connect is asked by the listener.
 */
export class CurveFront {
  private readonly server: Server;
  private readonly greeting = serverGreeting();
  /** Those that are not through yet, the oldest first. */
  private readonly pending = new Set<FrontedConnection>();
  private readonly waiting: { connection: FrontedConnection; hello: CurveHello }[] = [];
  private turn: NodeJS.Immediate | undefined;
  /** The connections to each backend; the one that was asked for last comes first, as the likeliest. */
  private bridged: { readonly backend: CurveBackend; readonly connections: Set<FrontedConnection> }[];

  constructor(private readonly options: CurveFrontOptions) {
    this.bridged = options.backends.map((backend) => ({ backend, connections: new Set() }));
    this.server = createServer({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: options.keepaliveIdle * 1000,
    });
    this.server.on('connection', (socket) => this.accept(socket));
  }

  /** Listens; resolves to the bound address. Throws an AppError that names the address where it cannot. */
  async listen(address: string): Promise<string> {
    const { host, port } = readListenAddress(address);
    this.server.listen({ host, port, backlog: this.options.backlog });
    try {
      await once(this.server, 'listening');
    } catch (thrown) {
      throw bindFault(address, thrown);
    }
    this.server.on('error', this.options.fault);
    return `tcp://${host}:${(this.server.address() as AddressInfo).port}`;
  }

  /** Leads nobody to a backend any more and ends the connections to it; says how many there were. */
  drop(backend: CurveBackend): number {
    const dropped = this.bridged.find((one) => one.backend === backend)?.connections ?? new Set();
    this.bridged = this.bridged.filter((one) => one.backend !== backend);
    const count = dropped.size;
    for (const connection of dropped) connection.close();
    this.options.connections(backend, 0);
    return count;
  }

  /** Ends all connections and listens no more. */
  async close(): Promise<void> {
    clearImmediate(this.turn);
    for (const connection of this.pending) connection.close();
    for (const { connections } of this.bridged) for (const connection of connections) connection.close();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }

  private accept(socket: Socket): void {
    const { handshakeMs, maxPending, refused } = this.options;
    const connection = new FrontedConnection(socket, this.greeting, handshakeMs, {
      opened: (opened, hello) => this.queue(opened, hello),
      passed: (passed) => this.pending.delete(passed),
      refused,
      closed: (closed) => this.forget(closed),
    });
    this.pending.add(connection);
    if (this.pending.size > maxPending) this.pending.values().next().value?.refuse();
  }

  private queue(connection: FrontedConnection, hello: CurveHello): void {
    this.waiting.push({ connection, hello });
    this.turn ??= setImmediate(() => this.judgeSome());
  }

  /** Judges who waits, for a while; the rest in the next turn of the event loop. */
  private judgeSome(): void {
    const end = performance.now() + SLICE_MS;
    this.turn = undefined;
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      if (next.connection.isWaiting) this.judge(next.connection, next.hello);
      if (performance.now() > end) {
        this.turn = setImmediate(() => this.judgeSome());
        return;
      }
    }
  }

  private judge(connection: FrontedConnection, hello: CurveHello): void {
    const wanted = this.bridged.find(({ backend }) => this.options.opens(hello, backend.secretKey));
    if (wanted === undefined) {
      connection.refuse();
      return;
    }
    this.bridged = [wanted, ...this.bridged.filter((one) => one !== wanted)];
    wanted.connections.add(connection);
    this.options.connections(wanted.backend, wanted.connections.size);
    connection.bridgeTo(wanted.backend.port);
  }

  private forget(connection: FrontedConnection): void {
    this.pending.delete(connection);
    for (const { backend, connections } of this.bridged) {
      if (connections.delete(connection)) this.options.connections(backend, connections.size);
    }
  }
}
