import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { type CurveHello, type HelloOpener, serverGreeting } from '../../protocol/curve-hello.js';
import { listenOn } from '../bind-error.js';
import { FrontedConnection } from './fronted-connection.js';
import { parseListenAddress } from './listen-address.js';
import { runSlice, type SliceLimits } from '../../lib/time-slices.js';

/** A Curve listener behind the front. */
export interface CurveBackend {
  /** Its secret key, 32 raw bytes. */
  readonly secretKey: Uint8Array;
  /** Its port on 127.0.0.1. */
  readonly port: number;
}

export interface CurveFrontOptions {
  readonly backends: readonly CurveBackend[];
  readonly opensHello: HelloOpener;
  /** Time limit for a connection until it has a backend, in milliseconds. */
  readonly handshakeMs: number;
  /** Maximum number of connections without a backend; at the limit the oldest is refused. */
  readonly maxPending: number;
  /** Connections that the kernel queues until they are accepted. */
  readonly backlog: number;
  /** Seconds of silence after which the kernel sends a keepalive probe. */
  readonly keepaliveIdle: number;
  /** Called for each refused connection. */
  readonly refused: () => void;
  /** Called with the number of connections to a backend when that changes. */
  readonly connections: (backend: CurveBackend, count: number) => void;
  /** Called for unexpected errors; the front continues. */
  readonly fault: (thrown: unknown) => void;
}

/** Opening one HELLO costs some tenths of a millisecond. */
const SLICE_LIMITS: SliceLimits = { sliceMs: 5, stepsPerClockRead: 1 };

/**
 * A TCP listener in front of several Curve listeners with different keys. A CurveZMQ connection starts with a box that
 * only the server key which the client expects can open. By that the front finds the listener for a connection; then it
 * passes bytes in both directions. It authorizes nobody: the listener does that.
 */
export class CurveFront {
  private readonly server: Server;
  private readonly greeting = serverGreeting();
  /** Connections without a backend, oldest first. */
  private readonly pending = new Set<FrontedConnection>();
  private readonly waiting: { connection: FrontedConnection; hello: CurveHello }[] = [];
  private turn: NodeJS.Immediate | undefined;
  /** The connections to each backend. The backend of the latest connection comes first: it is the likeliest for the next. */
  private routes: { readonly backend: CurveBackend; readonly connections: Set<FrontedConnection> }[];

  constructor(private readonly options: CurveFrontOptions) {
    this.routes = options.backends.map((backend) => ({ backend, connections: new Set() }));
    this.server = createServer({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: options.keepaliveIdle * 1000,
    });
    this.server.on('connection', (socket) => this.accept(socket));
  }

  /** Listens and resolves to the bound address. Throws an AppError that names the address if that fails. */
  async listen(address: string): Promise<string> {
    const { host, port } = parseListenAddress(address);
    const bound = await listenOn(this.server, address, { host, port, backlog: this.options.backlog });
    this.server.on('error', this.options.fault);
    return `tcp://${host}:${bound}`;
  }

  /** Routes no more connections to a backend and closes those to it; returns their number. */
  closeBackend(backend: CurveBackend): number {
    const closed = this.routes.find((route) => route.backend === backend)?.connections ?? new Set();
    this.routes = this.routes.filter((route) => route.backend !== backend);
    const count = closed.size;
    for (const connection of closed) connection.close();
    this.options.connections(backend, 0);
    return count;
  }

  /** Closes the listener and all connections. */
  async close(): Promise<void> {
    clearImmediate(this.turn);
    for (const connection of this.pending) connection.close();
    for (const { connections } of this.routes) for (const connection of connections) connection.close();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }

  private accept(socket: Socket): void {
    const { handshakeMs, maxPending, refused } = this.options;
    const connection = new FrontedConnection(socket, this.greeting, handshakeMs, {
      helloReceived: (opened, hello) => this.queue(opened, hello),
      passing: (passed) => this.pending.delete(passed),
      refused,
      closed: (closed) => this.forget(closed),
    });
    this.pending.add(connection);
    if (this.pending.size > maxPending) this.pending.values().next().value?.refuse();
  }

  private queue(connection: FrontedConnection, hello: CurveHello): void {
    this.waiting.push({ connection, hello });
    this.turn ??= setImmediate(() => this.routeSlice());
  }

  private routeSlice(): void {
    this.turn = undefined;
    if (runSlice(() => this.routeNext(), SLICE_LIMITS)) this.turn = setImmediate(() => this.routeSlice());
  }

  private routeNext(): boolean {
    const next = this.waiting.shift();
    if (next?.connection.isAwaitingRoute === true) this.route(next.connection, next.hello);
    return next !== undefined;
  }

  private route(connection: FrontedConnection, hello: CurveHello): void {
    const matching = this.routes.find(({ backend }) => this.options.opensHello(hello, backend.secretKey));
    if (matching === undefined) {
      connection.refuse();
      return;
    }
    this.routes = [matching, ...this.routes.filter((route) => route !== matching)];
    matching.connections.add(connection);
    this.options.connections(matching.backend, matching.connections.size);
    connection.bridgeTo(matching.backend.port);
  }

  private forget(connection: FrontedConnection): void {
    this.pending.delete(connection);
    for (const { backend, connections } of this.routes) {
      if (connections.delete(connection)) this.options.connections(backend, connections.size);
    }
  }
}
