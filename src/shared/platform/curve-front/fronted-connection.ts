import { connect, type Socket } from 'node:net';
import {
  type CurveHello,
  GREETING_BYTES,
  OPENING_BYTES,
  parseCurveOpening,
} from '../../protocol/curve-hello.js';

/** Callbacks for what happens to a connection. */
export interface FrontedConnectionEvents {
  /** Its HELLO has arrived: call `bridgeTo` or `refuse`. */
  readonly helloReceived: (connection: FrontedConnection, hello: CurveHello) => void;
  /** Bytes pass in both directions from now on. */
  readonly passing: (connection: FrontedConnection) => void;
  /** It was refused: its opening was invalid, no backend matches, or it took too long. */
  readonly refused: (connection: FrontedConnection) => void;
  /** It is closed, for whatever reason. */
  readonly closed: (connection: FrontedConnection) => void;
}

/** After one side has closed, its last bytes have this many milliseconds to reach the other side. */
const CLOSE_GRACE_MS = 5_000;

const LOOPBACK = '127.0.0.1';

/**
 * One connection of a client through the front.
 *
 * opening   our greeting is sent; waits for the client's greeting and HELLO.      → routing, closed
 * routing   the HELLO has arrived; nothing more is read.                          → bridging by `bridgeTo`, closed
 * bridging  connects to a listener and sends it the client's opening. Discards the listener's greeting, because the
 *           client has ours.                                                      → passing, closed
 * passing   bytes pass in both directions with backpressure.                      → closing when one side closes
 * closing   the last bytes of the closed side go to the other.                    → closed
 * closed
 *
 * A connection that is not passing within `handshakeMs` is refused.
 */
export class FrontedConnection {
  private mode: 'opening' | 'routing' | 'bridging' | 'passing' | 'closing' | 'closed' = 'opening';
  private readonly opening = Buffer.alloc(OPENING_BYTES);
  private openingBytes = 0;
  private backend: Socket | undefined;
  private timer: NodeJS.Timeout;

  constructor(
    private readonly client: Socket,
    greeting: Buffer,
    handshakeMs: number,
    private readonly events: FrontedConnectionEvents,
  ) {
    this.timer = setTimeout(() => this.refuse(), handshakeMs);
    this.watch(client);
    client.on('data', this.readOpening);
    client.write(greeting);
  }

  /** Whether its HELLO still waits for `bridgeTo` or `refuse`. */
  get isAwaitingRoute(): boolean {
    return this.mode === 'routing';
  }

  /** Connects it to the listener at this port of 127.0.0.1. */
  bridgeTo(port: number): void {
    this.mode = 'bridging';
    const backend = connect({ host: LOOPBACK, port, noDelay: true });
    this.backend = backend;
    this.watch(backend);
    let toDiscard = GREETING_BYTES;
    const discardGreeting = (chunk: Buffer): void => {
      const rest = chunk.subarray(toDiscard);
      toDiscard -= chunk.length - rest.length;
      if (toDiscard > 0) return;
      backend.off('data', discardGreeting);
      this.startPassing(backend, rest);
    };
    backend.on('data', discardGreeting);
    backend.write(this.opening);
  }

  /** Closes it and reports it as refused. */
  refuse(): void {
    if (this.mode === 'closed') return;
    this.events.refused(this);
    this.close();
  }

  /** Closes it at once. */
  close(): void {
    if (this.mode === 'closed') return;
    this.mode = 'closed';
    clearTimeout(this.timer);
    this.client.destroy();
    this.backend?.destroy();
    this.events.closed(this);
  }

  private readonly readOpening = (chunk: Buffer): void => {
    if (this.openingBytes + chunk.length > OPENING_BYTES) return this.refuse(); // a client sends no more before the server answers
    chunk.copy(this.opening, this.openingBytes);
    this.openingBytes += chunk.length;
    const hello = parseCurveOpening(this.opening.subarray(0, this.openingBytes));
    if (hello === 'unfinished') return;
    if (hello === 'foreign') return this.refuse();
    this.mode = 'routing';
    this.client.off('data', this.readOpening).pause();
    this.events.helloReceived(this, hello);
  };

  private startPassing(backend: Socket, first: Buffer): void {
    clearTimeout(this.timer);
    this.mode = 'passing';
    if (first.length > 0) this.client.write(first);
    this.client.pipe(backend);
    backend.pipe(this.client);
    this.events.passing(this);
  }

  private watch(socket: Socket): void {
    socket.on('error', () => this.close()); // reset, or no connection to the listener: the client reconnects
    socket.on('close', () => this.onClosed(socket));
  }

  /** One side has closed. Its bytes are already queued for the other side, which ends when they are sent. */
  private onClosed(socket: Socket): void {
    if (this.mode !== 'passing') return this.close();
    this.mode = 'closing';
    this.timer = setTimeout(() => this.close(), CLOSE_GRACE_MS);
    const other = socket === this.client ? this.backend : this.client;
    if (other === undefined || other.destroyed) this.close();
    else other.end();
  }
}
