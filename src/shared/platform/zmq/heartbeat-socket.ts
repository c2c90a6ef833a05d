import { Publisher } from 'zeromq';
import type { ZmqContext } from './zmq-context.js';
import { bindSocket, LISTENER_OPTIONS } from './socket-tools.js';

/** Maximum number of heartbeats that wait for a slow subscriber; further ones are dropped for it. */
const HIGH_WATER_MARK = 3;

/** Subscribers send nothing but their subscription. */
const MAX_SUBSCRIPTION_BYTES = 256;

/** The server's end of the heartbeat channel: sends each message unencrypted to all subscribers. */
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

  /** Listens and resolves to the bound address. Throws an AppError that names the address if that fails. */
  listen(address: string): Promise<string> {
    return bindSocket(this.publisher, address);
  }

  /** Sends one message to all subscribers. */
  send(header: string, body: string): Promise<void> {
    return this.publisher.send([header, body]);
  }

  /** Closes all connections. */
  close(): void {
    this.publisher.close();
  }
}
