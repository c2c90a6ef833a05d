import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../config/config.module.js';
import { Leadership } from '../config/leadership.port.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { type KeySet, type PreviousKeys, ServerKeys, Sessions } from '../keys/keys.port.js';
import { messageOf } from '../../shared/lib/app-error.js';
import { Clock } from '../../shared/lib/clock.js';
import { BroadcastServer } from '../../shared/platform/broadcast/broadcast-server.js';
import { formatHeader } from '../../shared/protocol/frame-header.js';
import { signRsa } from '../../shared/protocol/frame-signature.js';
import type { ServerHeartbeat } from '../../shared/protocol/server-message.js';
import { formatRfc1123 } from '../../shared/protocol/wire-time.js';
import { TransportCounters } from './transport-counters.js';

/** The last part of the grace period in which nodes with the previous keys learn that the server has new ones. */
const ANNOUNCE_PART = 0.1;
const MIN_ANNOUNCE_INTERVALS = 5;

/**
 * Sends the server's heartbeat to all nodes once per interval, unless the server is a standby. The interval is the
 * shortest that any node uses. During the grace period each heartbeat is also sent with the previous keys: a node
 * accepts the one whose key it knows. See docs/spec/wire-protocol.md, "Key rotation".
 */
@Injectable()
export class HeartbeatPublisher {
  private readonly logger: Logger;
  private sequence = 0;
  private timer: NodeJS.Timeout | undefined;
  /** When the next heartbeat is due, on the clock of `performance.now()`. */
  private dueAt: number | undefined;

  constructor(
    private readonly socket: BroadcastServer,
    private readonly keys: ServerKeys,
    private readonly sessions: Sessions,
    private readonly counts: TransportCounters,
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    private readonly leadership: Leadership,
    private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'transport' });
  }

  /** Listens and sends the first heartbeat. Throws an AppError that names the address if it cannot listen. */
  async start(address: string): Promise<void> {
    const bound = await this.socket.listen(address);
    this.logger.info({ address: bound }, 'the heartbeat channel is open');
    this.beat();
  }

  /** Stops the heartbeats and closes all connections. */
  stop(): void {
    clearTimeout(this.timer);
    this.socket.close();
  }

  private beat(): void {
    const { keys } = this;
    const intervalMs = this.sessions.shortestHeartbeatInterval();
    this.schedule(intervalMs);
    if (!this.leadership.isLeader) return;
    const now = this.clock.now();
    const heartbeat = {
      sequence: this.sequence++,
      timestamp: formatRfc1123(now),
      server: this.config.server_name_advertised,
      type: 'heartbeat',
    } as const;
    this.send({ ...heartbeat, incarnation_id: keys.incarnationId }, keys);
    const { previous } = keys;
    if (previous === undefined || now >= previous.validUntil) return;
    const { incarnationId } = announcesNewKeys(previous, intervalMs, now) ? keys : previous;
    this.send({ ...heartbeat, incarnation_id: incarnationId }, previous);
  }

  private schedule(intervalMs: number): void {
    const now = performance.now();
    this.counts.heartbeatLagMs = Math.max(0, now - (this.dueAt ?? now));
    this.dueAt = now + intervalMs;
    this.timer = setTimeout(() => this.beat(), intervalMs);
  }

  private send(heartbeat: ServerHeartbeat, { rsaPrivateKey }: KeySet): void {
    const body = JSON.stringify(heartbeat);
    this.socket
      .send(formatHeader('rsa2048_sha1', signRsa(rsaPrivateKey, body)), body)
      .catch((thrown: unknown) => {
        this.logger.warn({ reason: messageOf(thrown) }, 'a heartbeat was not sent');
      });
  }
}

/**
 * Whether heartbeats with the previous keys carry the new incarnation id, so that the nodes that know only these keys
 * fetch their config. Most nodes do so earlier, each when its config lifetime ends; to announce the new keys at once
 * would make all of them fetch it at the same time.
 */
const announcesNewKeys = (
  { rotatedAt, validUntil }: Pick<PreviousKeys, 'rotatedAt' | 'validUntil'>,
  intervalMs: number,
  now: number,
): boolean => {
  const announceMs = Math.max((validUntil - rotatedAt) * ANNOUNCE_PART, intervalMs * MIN_ANNOUNCE_INTERVALS);
  return now >= validUntil - announceMs;
};
