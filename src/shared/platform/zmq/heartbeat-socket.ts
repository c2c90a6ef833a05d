import { Publisher } from 'zeromq';
import { bindSocket } from './bind-socket.js';
import { LISTENER_OPTIONS } from './socket-options.js';
import type { ZmqContext } from './zmq-context.js';

/** Heartbeats that may wait for a reader that is slow; later ones are dropped for it. */
const HIGH_WATER_MARK = 3;

/** Readers send nothing but their subscription. */
const MAX_SUBSCRIPTION_BYTES = 256;

/** The server's end of the heartbeat channel: sends each message in the clear to whoever listens. */
export class HeartbeatSocket {
  private readonly publisher: Publisher;

  constructor(context: ZmqContext) {
    this.publisher = new Publisher({
      ...LISTENER_OPTIONS,
      context,
      sendHighWaterMark: HIGH_WATER_MARK,
      maxMessageSize: MAX_SUBSCRIPTION_BYTES,
    });
  }

  /** Listens; resolves to the bound address. Throws an AppError that names it where it cannot. */
  listen(address: string): Promise<string> {
    return bindSocket(this.publisher, address);
  }

  /** Sends one message to all who listen. */
  send(header: string, body: string): Promise<void> {
    return this.publisher.send([header, body]);
  }

  /** Closes all connections. */
  close(): void {
    this.publisher.close();
  }
}
