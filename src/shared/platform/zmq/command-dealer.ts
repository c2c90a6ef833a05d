import { curveKeyPair, Dealer } from 'zeromq';
import type { CurveKeyPair } from '../../protocol/curve-key.js';
import { errorCode } from '../../lib/app-error.js';
import { CLIENT_CONNECT_OPTIONS, receiveUntilClosed } from './socket-tools.js';

/** Options for a node's end of the command channel. */
export interface CommandDealerOptions {
  /** Our key pair and the server's key; undefined: not encrypted, for 1.x servers. */
  readonly curve?: { readonly own: CurveKeyPair; readonly serverKey: string };
  /** Whether to connect by IPv6. */
  readonly ipv6: boolean;
  /** In bytes; a larger frame from the server closes the connection. */
  readonly maxMessageSize: number;
  /**
   * Milliseconds between ZMTP pings, only for a server that is known to answer them; undefined: no pings. Pings detect a
   * dead connection that something on the way keeps open.
   */
  readonly pingMs?: number | undefined;
  /**
   * The connection ends if sent bytes are not acknowledged within this many milliseconds (Linux only). It detects a dead
   * connection by TCP, because older servers would treat pings as messages.
   */
  readonly unacknowledgedMs: number;
}

/** Callbacks for what happens on the connection. */
export interface CommandDealerEvents {
  /** The connection is ready to send. */
  readonly connected: () => void;
  /** The connection is lost; the socket reconnects by itself. */
  readonly disconnected: () => void;
  /** An attempt to connect failed; the next one follows in `delayMs` milliseconds. */
  readonly retrying: (delayMs: number) => void;
  /** The server does not accept our key. The socket does not reconnect. */
  readonly refused: () => void;
  /** The peer does not speak our protocol. The socket does not reconnect. */
  readonly broken: () => void;
  readonly message: (frames: readonly Buffer[]) => void;
  /** An error with one message; reading continues. */
  readonly fault: (thrown: unknown) => void;
}

/** Maximum number of messages that wait to be sent. See docs/spec/wire-protocol.md, "Channels". */
const SEND_HIGH_WATER_MARK = 3;

/** Maximum number of unread messages; the server has to keep further ones. A message can have a megabyte. */
const RECEIVE_HIGH_WATER_MARK = 32;

const TCP_OPTIONS = { tcpKeepalive: 1, tcpKeepaliveIdle: 60 };

/** The connection is closed after this many unanswered pings. */
const UNANSWERED_PINGS = 2;

/** Generates a Curve key pair with ZeroMQ. */
export const freshCurveKeyPair = (): CurveKeyPair => curveKeyPair();

/**
 * A node's end of the command channel: a DEALER, Curve-encrypted if keys are given. Without a connection, messages are
 * not queued: they would be outdated when they arrive.
 */
export class CommandDealer {
  private readonly dealer: Dealer;
  private readonly ended: Promise<void>;

  constructor(address: string, options: CommandDealerOptions, events: CommandDealerEvents) {
    const { curve, ipv6 } = options;
    this.dealer = new Dealer({
      ipv6,
      // No queue before the handshake. Only an encrypted connection reports its handshake; one to a 1.x server does not.
      immediate: curve !== undefined,
      sendHighWaterMark: SEND_HIGH_WATER_MARK,
      receiveHighWaterMark: RECEIVE_HIGH_WATER_MARK,
      sendTimeout: 0,
      linger: 0,
      maxMessageSize: options.maxMessageSize,
      ...CLIENT_CONNECT_OPTIONS,
      ...TCP_OPTIONS,
      ...(process.platform === 'linux' ? { tcpMaxRetransmitTimeout: options.unacknowledgedMs } : {}),
      ...(options.pingMs === undefined
        ? {}
        : { heartbeatInterval: options.pingMs, heartbeatTimeout: UNANSWERED_PINGS * options.pingMs }),
      ...(curve === undefined
        ? {}
        : {
            curveServerKey: curve.serverKey,
            curvePublicKey: curve.own.publicKey,
            curveSecretKey: curve.own.secretKey,
          }),
    });
    this.dealer.events.on(curve === undefined ? 'connect' : 'handshake', events.connected);
    this.dealer.events.on('disconnect', events.disconnected);
    this.dealer.events.on('connect:retry', ({ interval }) => events.retrying(interval));
    this.dealer.events.on('handshake:error:auth', events.refused);
    this.dealer.events.on('handshake:error:protocol', events.broken);
    this.dealer.connect(address);
    this.ended = receiveUntilClosed(this.dealer, events.message, events.fault);
  }

  /** Sends a message; returns false if there is no connection or too many messages wait. */
  async send(header: string, body: string): Promise<boolean> {
    try {
      await this.dealer.send([header, body]);
      return true;
    } catch (thrown) {
      const code = errorCode(thrown);
      if (this.dealer.closed || code === 'EAGAIN') return false;
      throw thrown;
    }
  }

  /** Closes the connection; messages that wait to be sent have `lingerMs` milliseconds to leave. */
  async close(lingerMs = 0): Promise<void> {
    if (!this.dealer.closed) {
      this.dealer.linger = lingerMs;
      this.dealer.close();
    }
    await this.ended;
  }
}
