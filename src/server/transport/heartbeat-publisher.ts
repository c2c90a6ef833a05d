import type { Logger } from 'pino';
import type { Activity } from '../config/leadership.port.js';
import type { KeySet, ServerKeys } from '../keys/keys.port.js';
import { messageOf } from '../../shared/lib/app-error.js';
import type { Clock } from '../../shared/lib/clock.js';
import type { HeartbeatSocket } from '../../shared/platform/zmq/heartbeat-socket.js';
import { formatHeader } from '../../shared/protocol/frame-header.js';
import { signRsa } from '../../shared/protocol/frame-signature.js';
import type { ServerHeartbeat } from '../../shared/protocol/server-message.js';
import { formatRfc1123 } from '../../shared/protocol/wire-time.js';
import { isNudging } from './grace-period.js';
import type { TrafficCounts } from './traffic-counts.js';

/** What the heartbeats are made of. */
export interface HeartbeatPublisherOptions {
  readonly socket: Pick<HeartbeatSocket, 'listen' | 'send' | 'close'>;
  readonly keys: ServerKeys;
  /** The host name that the server is known by. */
  readonly serverName: string;
  /** Milliseconds from one heartbeat to the next; asked each time. */
  readonly intervalMs: () => number;
  readonly counts: Pick<TrafficCounts, 'heartbeatLagMs'>;
  readonly activity: Activity;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Tells all nodes, once in an interval and never more often, that the server is there and which one it is. Where nodes go
 * by different intervals, since the setting was changed, it is the shortest of them. A server that may not act is silent. While previous keys count, each heartbeat is sent a second time as theirs: a node believes the one whose key it knows.
 */
export class HeartbeatPublisher {
  private sequence = 0;
  private beating: NodeJS.Timeout | undefined;
  /** When the next one is due, performance time in ms. */
  private dueAt: number | undefined;

  constructor(private readonly options: HeartbeatPublisherOptions) {}

  /** Listens and sends the first heartbeat. Throws an AppError that names the address where it cannot. */
  async start(address: string): Promise<void> {
    const bound = await this.options.socket.listen(address);
    this.options.logger.info({ address: bound }, 'the heartbeat channel is open');
    this.beat();
  }

  /** Ends the heartbeats and closes all connections. */
  stop(): void {
    clearTimeout(this.beating);
    this.options.socket.close();
  }

  private beat(): void {
    const { keys, serverName, clock, counts } = this.options;
    const intervalMs = this.options.intervalMs();
    const now = performance.now();
    counts.heartbeatLagMs = Math.max(0, now - (this.dueAt ?? now));
    this.dueAt = now + intervalMs;
    this.beating = setTimeout(() => this.beat(), intervalMs);
    if (!this.options.activity.isActive) return;
    const beat = {
      sequence: this.sequence++,
      timestamp: formatRfc1123(clock.now()),
      server: serverName,
      type: 'heartbeat',
    } as const;
    this.send({ ...beat, incarnation_id: keys.incarnationId }, keys);
    const { previous } = keys;
    if (previous === undefined || clock.now() >= previous.validUntil) return;
    const { incarnationId } = isNudging(previous, intervalMs, clock.now()) ? keys : previous;
    this.send({ ...beat, incarnation_id: incarnationId }, previous);
  }

  private send(heartbeat: ServerHeartbeat, { rsaPrivateKey }: KeySet): void {
    const { socket, logger } = this.options;
    const body = JSON.stringify(heartbeat);
    socket.send(formatHeader('rsa2048_sha1', signRsa(rsaPrivateKey, body)), body).catch((thrown: unknown) => {
      logger.warn({ reason: messageOf(thrown) }, 'a heartbeat could not be sent');
    });
  }
}
