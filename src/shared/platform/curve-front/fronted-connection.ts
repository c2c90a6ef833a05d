import { connect, type Socket } from 'node:net';
import {
  type CurveHello,
  GREETING_BYTES,
  OPENING_BYTES,
  readCurveOpening,
} from '../../protocol/curve-hello.js';

/** Told of what becomes of a connection. */
export interface FrontedConnectionEvents {
  /** Its HELLO is there and waits to be judged: `bridgeTo` or `refuse` is to follow. */
  readonly opened: (connection: FrontedConnection, hello: CurveHello) => void;
  /** Bytes pass both ways from now on. */
  readonly passed: (connection: FrontedConnection) => void;
  /** It was not let through, by what it said or because it took too long. */
  readonly refused: (connection: FrontedConnection) => void;
  /** It is gone, whatever became of it. */
  readonly closed: (connection: FrontedConnection) => void;
}

/** What one side has sent may take this long to reach the other when it has closed, in milliseconds. */
const FAREWELL_MS = 5_000;

const LOOPBACK = '127.0.0.1';

/**
 * One connection of a client through the front.
 *
 * opening   our greeting is sent, the client's is awaited, with its HELLO.   → judging, closed
 * judging   the HELLO is there; nothing more is read meanwhile.              → bridging by `bridgeTo`, closed
 * bridging  a listener is being connected to and told what the client said; its greeting, which the client has had
 *           from us, is swallowed.                                           → passing, closed
 * passing   bytes pass both ways, no faster than each side takes them.       → closing when one side has closed
 * closing   what the one side has sent still goes to the other.              → closed
 * closed
 *
 * A connection that is not passing within `handshakeMs` is refused.
 */
export class FrontedConnection {
  private mode: 'opening' | 'judging' | 'bridging' | 'passing' | 'closing' | 'closed' = 'opening';
  private readonly said = Buffer.alloc(OPENING_BYTES);
  private saidBytes = 0;
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

  /** Whether its HELLO still waits to be judged. */
  get isWaiting(): boolean {
    return this.mode === 'judging';
  }

  /** Lets it through, to the listener at this port of 127.0.0.1. */
  bridgeTo(port: number): void {
    this.mode = 'bridging';
    const backend = connect({ host: LOOPBACK, port, noDelay: true });
    this.backend = backend;
    this.watch(backend);
    let toSwallow = GREETING_BYTES;
    const swallow = (chunk: Buffer): void => {
      const rest = chunk.subarray(toSwallow);
      toSwallow -= chunk.length - rest.length;
      if (toSwallow > 0) return;
      backend.off('data', swallow);
      this.pass(backend, rest);
    };
    backend.on('data', swallow);
    backend.write(this.said);
  }

  /** Ends it because it may not pass. */
  refuse(): void {
    if (this.mode === 'closed') return;
    this.events.refused(this);
    this.close();
  }

  /** Ends it at once. */
  close(): void {
    if (this.mode === 'closed') return;
    this.mode = 'closed';
    clearTimeout(this.timer);
    this.client.destroy();
    this.backend?.destroy();
    this.events.closed(this);
  }

  private readonly readOpening = (chunk: Buffer): void => {
    if (this.saidBytes + chunk.length > OPENING_BYTES) return this.refuse(); // no client says more unasked
    chunk.copy(this.said, this.saidBytes);
    this.saidBytes += chunk.length;
    const hello = readCurveOpening(this.said.subarray(0, this.saidBytes));
    if (hello === 'unfinished') return;
    if (hello === 'foreign') return this.refuse();
    this.mode = 'judging';
    this.client.off('data', this.readOpening).pause();
    this.events.opened(this, hello);
  };

  private pass(backend: Socket, first: Buffer): void {
    clearTimeout(this.timer);
    this.mode = 'passing';
    if (first.length > 0) this.client.write(first);
    this.client.pipe(backend);
    backend.pipe(this.client);
    this.events.passed(this);
  }

  private watch(socket: Socket): void {
    socket.on('error', () => this.close()); // it was reset, or could not be made: the client tries again
    socket.on('close', () => this.onClosed(socket));
  }

  /** One side has closed. What it has sent was handed to the other, which ends when that has gone out. */
  private onClosed(socket: Socket): void {
    if (this.mode !== 'passing') return this.close();
    this.mode = 'closing';
    this.timer = setTimeout(() => this.close(), FAREWELL_MS);
    const other = socket === this.client ? this.backend : this.client;
    if (other === undefined || other.destroyed) this.close();
    else other.end();
  }
}
