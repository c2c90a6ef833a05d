import { curveKeyPair, Dealer } from 'zeromq';
import type { CurveKeyPair } from '../../protocol/curve-key.js';
import { receiveUntilClosed } from './receive-loop.js';
import { CLIENT_HANDSHAKE_MS } from './socket-options.js';

/** How a node's end of the command channel is set up. */
export interface CommandDealerOptions {
  /** The key pairs of both; without it the connection is not encrypted, as 1.x servers have it. */
  readonly curve?: { readonly own: CurveKeyPair; readonly serverKey: string };
  /** Whether the address is reached by IPv6. */
  readonly ipv6: boolean;
  /** Bytes; a larger frame from the server ends the connection. */
  readonly maxMessageSize: number;
  /**
   * Milliseconds between pings of ZeroMQ's own, which show that the connection is dead though something on the way keeps
   * it up; for a server that is known to answer them. Undefined sends none.
   */
  readonly pingMs?: number | undefined;
  /** Milliseconds until a lost connection is tried again, growing to the second number. */
  readonly reconnectMs: readonly [first: number, longest: number];
}

/** Told of what happens on the connection. */
export interface CommandDealerEvents {
  /** The connection stands, and can be sent on. */
  readonly connected: () => void;
  /** The connection is gone; it is made again by itself. */
  readonly disconnected: () => void;
  /** The server does not accept our key. */
  readonly refused: () => void;
  readonly message: (frames: readonly Buffer[]) => void;
  /** Something went wrong with one message; the next is read all the same. */
  readonly fault: (thrown: unknown) => void;
}

/** Messages that may wait in the connection: never more than a few heartbeats (wire protocol, section 1). */
const SEND_HIGH_WATER_MARK = 3;

/**
 * How a dead connection is noticed without pings, which older servers would take for messages: by TCP itself. What was
 * sent and is not acknowledged within so many milliseconds ends the connection (Linux only).
 */
const UNACKNOWLEDGED_MS = 30_000;
const TCP_OPTIONS = {
  tcpKeepalive: 1,
  tcpKeepaliveIdle: 60,
  ...(process.platform === 'linux' ? { tcpMaxRetransmitTimeout: UNACKNOWLEDGED_MS } : {}),
};

/** Pings without an answer before the connection is given up. */
const UNANSWERED_PINGS = 2;

/** A new Curve key pair, made by ZeroMQ. */
export const freshCurveKeyPair = (): CurveKeyPair => curveKeyPair();

/**
 * A node's end of the command channel: a DEALER, Curve-encrypted where keys are given. What is sent while there is no
 * connection is refused, never kept: it would be out of date when it arrived.
 */
export class CommandDealer {
  private readonly dealer: Dealer;
  private readonly ended: Promise<void>;

  constructor(address: string, options: CommandDealerOptions, events: CommandDealerEvents) {
    const { curve, ipv6 } = options;
    this.dealer = new Dealer({
      ipv6,
      // No queue before the connection stands. Only an encrypted one tells when it does: the handshake of 1.x is silent.
      immediate: curve !== undefined,
      sendHighWaterMark: SEND_HIGH_WATER_MARK,
      receiveHighWaterMark: 0,
      sendTimeout: 0,
      linger: 0,
      maxMessageSize: options.maxMessageSize,
      reconnectInterval: options.reconnectMs[0],
      reconnectMaxInterval: options.reconnectMs[1],
      ...TCP_OPTIONS,
      handshakeInterval: CLIENT_HANDSHAKE_MS,
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
    this.dealer.events.on('handshake:error:auth', events.refused);
    this.dealer.connect(address);
    this.ended = receiveUntilClosed(this.dealer, events.message, events.fault);
  }

  /** Sends a message; false where there is no connection, or too much waits in it. */
  async send(header: string, body: string): Promise<boolean> {
    try {
      await this.dealer.send([header, body]);
      return true;
    } catch (thrown) {
      const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
      if (this.dealer.closed || code === 'EAGAIN') return false;
      throw thrown;
    }
  }

  /** Closes the connection; what was sent within the last `lingerMs` milliseconds may still go out in that time. */
  async close(lingerMs = 0): Promise<void> {
    if (!this.dealer.closed) {
      this.dealer.linger = lingerMs;
      this.dealer.close();
    }
    await this.ended;
  }
}
