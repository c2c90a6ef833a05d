import { Router } from 'zeromq';
import type { ZmqContext } from './zmq-context.js';
import { errorCode } from '../../lib/app-error.js';
import { bindSocket, LISTENER_OPTIONS, receiveUntilClosed } from './socket-tools.js';

/** Options for the server's end of the command channel. */
export interface CommandRouterSocketOptions {
  readonly context: ZmqContext;
  /** Z85. */
  readonly curveSecretKey: string;
  /** The ZAP handler authorizes connections under this domain. */
  readonly zapDomain: string;
  /** In bytes; a peer that sends a larger frame is disconnected. */
  readonly maxMessageSize: number;
}

/** Callbacks for incoming messages. */
export interface CommandRouterEvents {
  /** One message: the identity of the connection and the frames from its peer. */
  readonly message: (frames: readonly Buffer[]) => void;
  /** An error with one message; reading continues. */
  readonly fault: (thrown: unknown) => void;
}

/** The server's end of the command channel, with one key or with two. */
export interface CommandSocket {
  /** Listens and starts reading; resolves to the bound address. Throws an AppError that names the address if that fails. */
  listen(address: string): Promise<string>;
  /** Passes a message to ZeroMQ. Never waits: if the message cannot be queued, the outcome says so at once. */
  send(identity: Buffer, header: string, body: Buffer): Promise<SendOutcome>;
  /** Closes all connections; resolves when no further message will be read. */
  close(): Promise<void>;
}

/** What happened to a message: passed to ZeroMQ, no such connection, or too many messages wait for that peer. */
export type SendOutcome = 'sent' | 'unreachable' | 'full';

/** Maximum number of waiting messages per peer and direction. */
const HIGH_WATER_MARK = 200;

/**
 * The server's end of the command channel: a Curve-encrypted ROUTER. Refuses connections without Curve, with a key that
 * the ZAP handler does not accept, and all connections while no ZAP handler answers.
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
      zapEnforceDomain: true, // without this a missing ZAP handler would let everybody in
      maxMessageSize: options.maxMessageSize,
      sendHighWaterMark: HIGH_WATER_MARK,
      receiveHighWaterMark: HIGH_WATER_MARK,
      mandatory: true, // a message to a closed connection fails instead of being dropped silently
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
      const code = errorCode(thrown);
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
