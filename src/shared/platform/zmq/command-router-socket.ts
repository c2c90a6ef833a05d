import { Router } from 'zeromq';
import { bindSocket } from './bind-socket.js';
import { receiveUntilClosed } from './receive-loop.js';
import { LISTENER_OPTIONS } from './socket-options.js';
import type { ZmqContext } from './zmq-context.js';

/** How the server's end of the command channel is set up. */
export interface CommandRouterSocketOptions {
  readonly context: ZmqContext;
  /** Z85. */
  readonly curveSecretKey: string;
  /** Who may connect is asked of the ZAP handler under this name. */
  readonly zapDomain: string;
  /** Bytes; a peer that sends a larger frame is cut off. */
  readonly maxMessageSize: number;
}

/** Told of what comes in. */
export interface CommandRouterEvents {
  /** One message: the connection's identity and the frames that its peer sent. */
  readonly message: (frames: readonly Buffer[]) => void;
  /** Something went wrong with one message; the next is read all the same. */
  readonly fault: (thrown: unknown) => void;
}

/** The server's end of the command channel, with one key or with two. */
export interface CommandSocket {
  /** Listens and begins to read; resolves to the bound address. Throws an AppError that names it where it cannot. */
  listen(address: string): Promise<string>;
  /** Hands a message to ZeroMQ. Never waits: what cannot be queued now fails now. */
  send(identity: Buffer, header: string, body: Buffer): Promise<SendOutcome>;
  /** Closes all connections; resolves when nothing more will be read. */
  close(): Promise<void>;
}

/** What became of a message: handed to ZeroMQ, no such connection, or too much waits for that peer already. */
export type SendOutcome = 'sent' | 'unreachable' | 'full';

/** Messages that may wait for one peer, in each direction. */
const HIGH_WATER_MARK = 200;

/**
 * The server's end of the command channel: a Curve-encrypted ROUTER. A connection without Curve, with a key that the
 * ZAP handler does not accept, or made while no ZAP handler answers is refused.
 */
export class CommandRouterSocket implements CommandSocket {
  private readonly router: Router;
  private ended: Promise<void> = Promise.resolve();

  constructor(
    options: CommandRouterSocketOptions,
    private readonly events: CommandRouterEvents,
  ) {
    this.router = new Router({
      ...LISTENER_OPTIONS,
      context: options.context,
      curveServer: true,
      curveSecretKey: options.curveSecretKey,
      zapDomain: options.zapDomain,
      zapEnforceDomain: true, // without it a missing ZAP handler would let everybody in
      maxMessageSize: options.maxMessageSize,
      sendHighWaterMark: HIGH_WATER_MARK,
      receiveHighWaterMark: HIGH_WATER_MARK,
      mandatory: true, // a message to a connection that is gone fails, it does not just vanish
    });
  }

  async listen(address: string): Promise<string> {
    const bound = await bindSocket(this.router, address);
    this.ended = receiveUntilClosed(this.router, this.events.message, this.events.fault);
    return bound;
  }

  async send(identity: Buffer, header: string, body: Buffer): Promise<SendOutcome> {
    if (this.router.closed) return 'unreachable';
    try {
      await this.router.send([identity, header, body]);
      return 'sent';
    } catch (thrown) {
      const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
      if (code === 'EAGAIN') return 'full';
      if (code === 'EHOSTUNREACH') return 'unreachable';
      throw thrown;
    }
  }

  async close(): Promise<void> {
    this.router.close();
    await this.ended;
  }
}
