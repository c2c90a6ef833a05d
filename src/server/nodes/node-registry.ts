import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { type Session, Sessions } from '../keys/keys.port.js';
import { messageOf } from '../../shared/lib/app-error.js';
import { Clock } from '../../shared/lib/clock.js';
import { setLongTimer, type Timer } from '../../shared/lib/timer.js';
import { type ClientMessage, isKeptResult } from '../../shared/protocol/client-message.js';
import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { NodeCommand } from '../../shared/protocol/server-message.js';
import {
  CommandChannel,
  type DropReason,
  type NodeMessageHandler,
  type ReceivedMessage,
} from '../transport/transport.port.js';
import { silentIntervalsUntilOffline } from './domain/node-machine.js';
import { NodeStore } from './node-store.port.js';
import { NodeTable } from './node-table.js';
import type { NodeCounts, NodeDirectory, NodeEventHandler } from './nodes.port.js';
import { TrackedNode, type TrackedNodeContext } from './tracked-node.js';

/** Messages that name a job that the node does not do any more: it dropped, declined or ended it. */
const NOT_DOING_JOB: ReadonlySet<ClientMessage['type']> = new Set([
  'aborted',
  'nack_commit',
  'nack_run',
  'succeeded',
  'failed',
]);

/** Drops by which a healthy node loses a job, or all of them; logged as a warning once per node. */
const DROP_WARNINGS: Partial<Record<DropReason, string>> = {
  body_too_long:
    'dropped a message that is longer than max_body_size; if it was a result, the server never gets the result of this job',
  clock_skew: 'dropped a message: the clocks of this node and of the server differ by max_time_skew or more',
};

/** A node without a session that was not heard for this long is forgotten. */
const FORGET_AFTER_MS = 30 * 24 * 3_600_000;
const FORGET_INTERVAL_MS = 3_600_000;

/** Tracks the nodes: passes their messages to their state machines, and ends their intervals. */
@Injectable()
export class NodeRegistry implements NodeDirectory, NodeMessageHandler {
  /** Counts messages: the order in which they came, independent of clock changes. */
  private arrivals = 0;
  private readonly nodeContext: TrackedNodeContext;
  private readonly logger: Logger;
  private handler: NodeEventHandler | undefined;
  private intervalTimer: Timer | undefined;
  private forgetTimer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(SERVER_CONFIG) config: ServerConfig,
    private readonly sessions: Sessions,
    private readonly channel: CommandChannel,
    private readonly store: NodeStore,
    private readonly table: NodeTable,
    private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ scope: 'nodes' });
    this.nodeContext = {
      // A reload may change the settings, so they are read each time.
      rules: {
        get maxSilentIntervals() {
          return silentIntervalsUntilOffline(config.down_threshold, config.decay_window);
        },
      },
      rehabTimerMs: () => config.rehab_timer,
      channel,
      store,
      handler: () => this.handler,
      logger: this.logger,
    };
  }

  /** Loads the stored nodes and begins to receive messages. The event handler must be set before messages come. */
  async start(): Promise<void> {
    for (const node of await this.store.load()) this.table.addStored(node);
    this.sessions.registerBusyCheck((address) => this.handler?.mayHaveJob(address) === true);
    this.channel.setHandler(this);
    this.scheduleInterval();
    this.forgetTimer = setInterval(() => void this.forgetUnheard(), FORGET_INTERVAL_MS).unref();
  }

  /** Stops all timers. */
  stop(): void {
    this.intervalTimer?.cancel();
    clearInterval(this.forgetTimer);
    for (const node of this.table.all()) node.stop();
  }

  setEventHandler(handler: NodeEventHandler): void {
    this.handler = handler;
  }

  isAvailable(address: NodeAddress): boolean {
    return this.table.presence(address).available;
  }

  isOnline(address: NodeAddress): boolean {
    return this.table.find(address)?.state.online === true;
  }

  unavailabilityReason(address: NodeAddress): string | undefined {
    return this.table.detail(address).unavailabilityReason;
  }

  send(addresses: readonly NodeAddress[], command: NodeCommand): void {
    this.channel.send(addresses, command);
  }

  rehab(address: NodeAddress, reason: string, byJob?: string): void {
    this.table.find(address)?.requestRehab(reason, byJob);
  }

  count(): number {
    return this.table.count();
  }

  countByState(): NodeCounts {
    return this.table.countByState();
  }

  received(received: ReceivedMessage): void {
    const node = this.table.find(received.address) ?? this.track(received.session);
    node.lastArrival = ++this.arrivals;
    node.receive(received, this.namesStrayJob(received), this.clock.now());
  }

  dropped(address: NodeAddress, reason: DropReason): void {
    const isFirst = this.table.drops.record(address, reason, this.clock.now(), ++this.arrivals);
    const warning = isFirst ? DROP_WARNINGS[reason] : undefined;
    if (warning === undefined) this.logger.debug({ ...address, reason }, 'dropped a message');
    else this.logger.warn({ ...address, reason }, warning);
  }

  private track(session: Session): TrackedNode {
    const node = new TrackedNode(session, this.table.storedNode(session.address), this.nodeContext);
    this.table.add(node);
    return node;
  }

  /** Whether a message says that the node does a job that it cannot be doing. */
  private namesStrayJob({ address, message }: ReceivedMessage): boolean {
    if (NOT_DOING_JOB.has(message.type) || !message.job_id || isKeptResult(message)) return false;
    const jobState = message.type === 'heartbeat' ? message.job_state : undefined;
    if (jobState === 'idle') return false;
    return this.handler?.mayBeDoing(address, message.job_id, jobState) !== true;
  }

  private async forgetUnheard(): Promise<void> {
    const time = this.clock.now() - FORGET_AFTER_MS;
    this.table.drops.forgetBefore(time);
    try {
      for (const address of await this.store.deleteUnheardSince(time)) this.table.remove(address);
    } catch (thrown) {
      this.logger.warn(
        { reason: messageOf(thrown) },
        'cannot delete nodes that have not been heard for 30 days; trying again in an hour',
      );
    }
  }

  /**
   * Ends the interval of all nodes together, after the shortest interval of any node. A delayed timer does not shorten the
   * next interval.
   */
  private scheduleInterval(): void {
    const intervalMs = this.sessions.shortestHeartbeatInterval();
    this.intervalTimer = setLongTimer(intervalMs, () => {
      for (const node of this.table.all()) node.timePassed(intervalMs);
      this.scheduleInterval();
    });
  }
}
