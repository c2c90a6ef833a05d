import { Subscriber } from 'zeromq';
import { CLIENT_CONNECT_OPTIONS, receiveUntilClosed } from './socket-tools.js';

/** Callbacks for incoming messages. */
export interface HeartbeatSubscriberEvents {
  readonly message: (frames: readonly Buffer[]) => void;
  /** An error with one message; reading continues. */
  readonly fault: (thrown: unknown) => void;
}

/** Heartbeats have a few hundred bytes; a larger message is not from a push jobs server. */
const MAX_HEARTBEAT_BYTES = 16_384;

/** Maximum number of unread heartbeats; further ones are dropped. */
const HIGH_WATER_MARK = 16;

/** A node's end of the heartbeat channel: receives all messages that the server broadcasts. */
export class HeartbeatSubscriber {
  private readonly subscriber: Subscriber;
  private readonly ended: Promise<void>;

  constructor(address: string, ipv6: boolean, events: HeartbeatSubscriberEvents) {
    this.subscriber = new Subscriber({
      ipv6,
      linger: 0,
      receiveHighWaterMark: HIGH_WATER_MARK,
      maxMessageSize: MAX_HEARTBEAT_BYTES,
      ...CLIENT_CONNECT_OPTIONS,
      tcpKeepalive: 1,
      tcpKeepaliveIdle: 60,
    });
    this.subscriber.subscribe('');
    this.subscriber.connect(address);
    this.ended = receiveUntilClosed(this.subscriber, events.message, events.fault);
  }

  /** Closes the connection; resolves when no further message will be read. */
  async close(): Promise<void> {
    this.subscriber.close();
    await this.ended;
  }
}
