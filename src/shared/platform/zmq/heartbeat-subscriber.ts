import { Subscriber } from 'zeromq';
import { receiveUntilClosed } from './receive-loop.js';
import { CLIENT_HANDSHAKE_MS } from './socket-options.js';

/** Told of what comes in. */
export interface HeartbeatSubscriberEvents {
  readonly message: (frames: readonly Buffer[]) => void;
  /** Something went wrong with one message; the next is read all the same. */
  readonly fault: (thrown: unknown) => void;
}

/** Heartbeats are a few hundred bytes; whoever sends more is not a push jobs server. */
const MAX_HEARTBEAT_BYTES = 16_384;

/** Heartbeats that wait to be read; later ones are dropped. */
const HIGH_WATER_MARK = 16;

/** A node's end of the heartbeat channel: hears all that the server at this address, by IPv6 or not, broadcasts. */
export class HeartbeatSubscriber {
  private readonly subscriber: Subscriber;
  private readonly ended: Promise<void>;

  constructor(address: string, ipv6: boolean, events: HeartbeatSubscriberEvents) {
    this.subscriber = new Subscriber({
      ipv6,
      linger: 0,
      receiveHighWaterMark: HIGH_WATER_MARK,
      maxMessageSize: MAX_HEARTBEAT_BYTES,
      handshakeInterval: CLIENT_HANDSHAKE_MS,
      reconnectInterval: 500,
      reconnectMaxInterval: 10_000,
      tcpKeepalive: 1,
      tcpKeepaliveIdle: 60,
    });
    this.subscriber.subscribe('');
    this.subscriber.connect(address);
    this.ended = receiveUntilClosed(this.subscriber, events.message, events.fault);
  }

  /** Ends the connection; resolves when nothing more will be read. */
  async close(): Promise<void> {
    this.subscriber.close();
    await this.ended;
  }
}
