import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { CLOCK, LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { type Session, SESSIONS, type Sessions } from '../keys/keys.port.js';
import { messageOf } from '../../shared/lib/app-error.js';
import type { Clock } from '../../shared/lib/clock.js';
import { Mailbox } from '../../shared/lib/mailbox.js';
import { setLongTimer, type Timer } from '../../shared/lib/timer.js';
import type { ClientMessage } from '../../shared/protocol/client-message.js';
import { type NodeAddress, nodeKeyOf } from '../../shared/protocol/node-address.js';
import type { NodeCommand } from '../../shared/protocol/server-message.js';
import {
  COMMAND_CHANNEL,
  type CommandChannel,
  type DropReason,
  type NodeMessageHandler,
  type ReceivedMessage,
} from '../transport/transport.port.js';
import { diagnose, type NodeDrops, type NodeTrouble } from './domain/node-diagnosis.js';
import {
  type NodeEffect,
  type NodeInput,
  type NodeMachineState,
  type PresenceRules,
  reduceNode,
  unheardNode,
} from './domain/node-machine.js';
import { DroppedMessages } from './dropped-messages.js';
import { type KnownNode, NODE_STORE, type NodeStore } from './node-store.port.js';
import type { Fleet, FleetTally, NodeWatcher } from './nodes.port.js';

interface Letter {
  readonly input: NodeInput;
  readonly message?: ClientMessage;
}

interface Entry {
  readonly address: NodeAddress;
  /** That of its last message. */
  session: Session;
  readonly mailbox: Mailbox<Letter>;
  /** How much of its interval is over, in milliseconds. */
  intervalMs: number;
  state: NodeMachineState;
  rehabTimer?: Timer | undefined;
  lastSeenAt: number;
  /** When it was heard as far as that is stored. */
  storedAt: number;
  /** The place of its last message among all that came. */
  lastPlace: number;
  clientVersion?: string | undefined;
  /** Why it was sent to rehab last. */
  rehabReason?: string;
}

/** What names a job that the node does not do: one that it dropped, or refuses. */
const DOES_NOT_DO_IT: ReadonlySet<ClientMessage['type']> = new Set(['aborted', 'nack_commit', 'nack_run']);

/** Drops by which a healthy node loses a job, or all of them: said once of each node. */
const WORTH_A_WARNING: Partial<Record<DropReason, string>> = {
  body_too_long:
    'dropped a message that is longer than max_body_size; if it was a result, its job ends here without a word',
  clock_skew: 'dropped a message: the clocks of this node and of the server differ by max_time_skew or more',
};

const DAY_MS = 24 * 3_600_000;

/** A node that has no session and was not heard for so long is forgotten; that is looked for once an hour. */
const REMEMBERED_MS = 30 * DAY_MS;
const FORGET_EVERY_MS = 3_600_000;

/** How a node shows itself to users. */
export interface NodePresence {
  readonly online: boolean;
  readonly available: boolean;
}

/** What users may want to know of a node beyond its presence. Times are milliseconds since 1970. */
export interface KnownNodeDetail extends NodePresence {
  readonly node: string;
  /** Why it cannot take a job. */
  readonly trouble?: NodeTrouble;
  readonly rehabReason?: string;
  readonly lastSeenAt?: number;
  readonly clientVersion?: string;
  readonly drops?: NodeDrops;
}

/**
 * All nodes that were heard since the server started, each with its machine and its mailbox: executes what the machine
 * asks for. Nodes come into being by verified messages only, and stay, offline ones too, for a month.
 */
@Injectable()
export class NodeRegistry implements Fleet, NodeMessageHandler {
  private readonly entries = new Map<string, Entry>();
  private readonly remembered = new Map<string, KnownNode>();
  private readonly drops = new DroppedMessages();
  /** How many messages came: their order, which clocks that are set do not tell. */
  private arrivals = 0;
  private readonly rules: PresenceRules;
  private readonly logger: Logger;
  private watcher: NodeWatcher | undefined;
  private sweep: Timer | undefined;
  private forgetting: NodeJS.Timeout | undefined;

  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    @Inject(SESSIONS) private readonly sessions: Sessions,
    @Inject(COMMAND_CHANNEL) private readonly channel: CommandChannel,
    @Inject(NODE_STORE) private readonly store: NodeStore,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
  ) {
    // As the settings are now, each time: they may change.
    this.rules = {
      get downThreshold() {
        return config.down_threshold;
      },
      get decayWindow() {
        return config.decay_window;
      },
    };
    this.logger = logger.child({ scope: 'nodes' });
  }

  /** Loads what is remembered of nodes and begins to listen to them; the watcher must stand. */
  async start(): Promise<void> {
    for (const node of await this.store.load()) this.remembered.set(nodeKeyOf(node), node);
    this.sessions.keepWhile((address) => this.watcher?.isBusy(address) === true);
    this.channel.handle(this);
    this.sweepAfterInterval();
    this.forgetting = setInterval(() => void this.forgetUnheard(), FORGET_EVERY_MS).unref();
  }

  /** Stops all timers; nothing is sent any more. */
  stop(): void {
    this.sweep?.cancel();
    clearInterval(this.forgetting);
    for (const entry of this.entries.values()) entry.rehabTimer?.cancel();
  }

  watch(watcher: NodeWatcher): void {
    this.watcher = watcher;
  }

  isAvailable(address: NodeAddress): boolean {
    return this.presence(address).available;
  }

  send(addresses: readonly NodeAddress[], command: NodeCommand): void {
    this.channel.send(addresses, command);
  }

  rehab(address: NodeAddress, reason: string, byJob?: string): void {
    this.entries.get(nodeKeyOf(address))?.mailbox.post({ input: { type: 'rehab_wanted', reason, byJob } });
  }

  trouble(address: NodeAddress): string | undefined {
    return this.detail(address).trouble;
  }

  count(): number {
    return this.entries.size;
  }

  tally(): FleetTally {
    const tally = { available: 0, rehab: 0, offline: 0 };
    for (const entry of this.entries.values()) {
      if (this.canTakeJob(entry)) tally.available++;
      else if (entry.state.online) tally.rehab++;
      else tally.offline++;
    }
    return tally;
  }

  /** How a node stands; one that was never heard is offline and unavailable. */
  presence(address: NodeAddress): NodePresence {
    const entry = this.entries.get(nodeKeyOf(address));
    return {
      online: entry?.state.online ?? false,
      available: entry !== undefined && this.canTakeJob(entry),
    };
  }

  /** The names of an organization's nodes that are online, and whether each can take a job. */
  onlineNodes(orgId: string): { readonly node: string; readonly available: boolean }[] {
    const online = [];
    for (const entry of this.entries.values()) {
      const { address, state } = entry;
      if (address.orgId === orgId && state.online) {
        online.push({ node: address.node, available: this.canTakeJob(entry) });
      }
    }
    return online;
  }

  /** A node with all that may tell why it cannot take a job; it need not be known. */
  detail(address: NodeAddress): KnownNodeDetail {
    const key = nodeKeyOf(address);
    const entry = this.entries.get(key);
    const drops = this.drops.of(address);
    const isRemembered = this.remembered.has(key);
    const droppedLast = drops && drops.place > (entry?.lastPlace ?? 0) ? drops.reason : undefined;
    const isConfigOld = entry !== undefined && !this.hasFreshConfig(entry);
    const trouble = diagnose({ state: entry?.state, isRemembered, isConfigOld, droppedLast });
    return {
      node: address.node,
      ...this.presence(address),
      ...(trouble && { trouble }),
      ...(trouble === 'rehab' && entry?.rehabReason !== undefined && { rehabReason: entry.rehabReason }),
      ...(entry && { lastSeenAt: entry.lastSeenAt }),
      ...(entry?.clientVersion !== undefined && { clientVersion: entry.clientVersion }),
      ...(drops && { drops: { reason: drops.reason, at: drops.at, count: drops.count } }),
    };
  }

  /** Every node of an organization that sent anything since the server started, offline ones too. */
  details(orgId: string): KnownNodeDetail[] {
    const addresses = new Map<string, NodeAddress>();
    for (const [key, { address }] of this.entries) if (address.orgId === orgId) addresses.set(key, address);
    for (const address of this.drops.addresses()) {
      if (address.orgId === orgId) addresses.set(nodeKeyOf(address), address);
    }
    return Array.from(addresses.values(), (address) => this.detail(address));
  }

  received({ address, session, message, firstOnConnection }: ReceivedMessage): void {
    const { type } = message;
    const kind = type === 'heartbeat' || type === 'aborted' || type === 'output' ? type : 'other';
    const entry = this.entryOf(session);
    entry.session = session;
    entry.lastSeenAt = this.clock.now();
    entry.lastPlace = ++this.arrivals;
    if (entry.lastSeenAt - entry.storedAt >= DAY_MS) this.remember(entry, entry.state.incarnation);
    if (type === 'heartbeat') entry.clientVersion = message.client_version;
    entry.mailbox.post({
      input: {
        type: 'heard',
        kind,
        incarnation: message.incarnation_id,
        firstOnConnection,
        strayJob: this.isStray(address, message),
      },
      message,
    });
  }

  dropped(address: NodeAddress, reason: DropReason): void {
    const isNews = this.drops.note(address, reason, this.clock.now(), ++this.arrivals);
    const text = isNews ? WORTH_A_WARNING[reason] : undefined;
    if (text === undefined) this.logger.debug({ ...address, reason }, 'dropped a message');
    else this.logger.warn({ ...address, reason }, text);
  }

  /** Whether a message says that the node does a job that it cannot be doing. */
  private isStray(address: NodeAddress, message: ClientMessage): boolean {
    if (DOES_NOT_DO_IT.has(message.type) || !message.job_id) return false;
    if (message.type === 'heartbeat' && message.job_state === 'idle') return false;
    return this.watcher?.mayBeDoing(address, message.job_id) !== true;
  }

  private canTakeJob(entry: Entry): boolean {
    return entry.state.online && entry.state.mode === 'idle' && this.hasFreshConfig(entry);
  }

  private hasFreshConfig({ session }: Entry): boolean {
    return session.validUntil > this.clock.now();
  }

  private entryOf(session: Session): Entry {
    const { address } = session;
    const key = nodeKeyOf(address);
    const known = this.entries.get(key);
    if (known !== undefined) return known;
    const remembered = this.remembered.get(key);
    const entry: Entry = {
      address,
      session,
      intervalMs: 0,
      state: unheardNode(remembered?.incarnation),
      storedAt: remembered?.heardAt ?? 0,
      lastSeenAt: 0,
      lastPlace: 0,
      mailbox: new Mailbox<Letter>(
        (letter) => this.step(entry, letter),
        (thrown) => this.logger.error({ ...address, err: thrown }, 'a node event could not be handled'),
      ),
    };
    this.entries.set(key, entry);
    return entry;
  }

  private step(entry: Entry, { input, message }: Letter): void {
    const { state, effects } = reduceNode(entry.state, input, this.rules);
    if (state.mode !== entry.state.mode || state.online !== entry.state.online) {
      this.logger.info({ ...entry.address, mode: state.mode, online: state.online }, 'node changed');
    }
    entry.state = state;
    const firstOnConnection = input.type === 'heard' && input.firstOnConnection;
    for (const effect of effects) this.execute(entry, effect, message, firstOnConnection);
  }

  private execute(
    entry: Entry,
    effect: NodeEffect,
    message: ClientMessage | undefined,
    firstOnConnection: boolean,
  ): void {
    const { address } = entry;
    switch (effect.type) {
      case 'send_abort':
        return this.channel.send([address], { type: 'abort' });
      case 'send_ack':
        return this.channel.send([address], { type: 'ack' });
      case 'set_rehab_timer':
        entry.rehabTimer?.cancel();
        entry.rehabTimer = setLongTimer(this.config.rehab_timer, () =>
          entry.mailbox.post({ input: { type: 'rehab_timer_fired' } }),
        );
        return;
      case 'clear_rehab_timer':
        return entry.rehabTimer?.cancel();
      case 'remember_incarnation':
        return this.remember(entry, effect.incarnation);
      case 'pass_on':
        return this.passOn(address, message, firstOnConnection);
      case 'tell_down':
        return this.watcher?.down(address, effect.reason);
      case 'tell_rehab':
        entry.rehabReason = effect.reason;
        return this.watcher?.rehabbed(address, effect.reason, effect.byJob);
    }
  }

  /** Stores which process a node is and that it was heard: when it is another one, and once a day. */
  private remember(entry: Entry, incarnation: string | undefined): void {
    if (incarnation === undefined) return;
    entry.storedAt = entry.lastSeenAt;
    this.store.remember({ ...entry.address, incarnation, heardAt: entry.storedAt });
  }

  private async forgetUnheard(): Promise<void> {
    const then = this.clock.now() - REMEMBERED_MS;
    this.drops.forgetBefore(then);
    try {
      for (const address of await this.store.forgetUnheard(then)) {
        this.entries.delete(nodeKeyOf(address));
        this.remembered.delete(nodeKeyOf(address));
      }
    } catch (thrown) {
      this.logger.warn(
        { reason: messageOf(thrown) },
        'nodes that are gone could not be forgotten; trying again',
      );
    }
  }

  private passOn(address: NodeAddress, message: ClientMessage | undefined, firstOnConnection: boolean): void {
    if (message === undefined) return;
    if (message.type === 'heartbeat') this.watcher?.heartbeat(address, message, firstOnConnection);
    else if (message.type === 'output') this.watcher?.output(address, message);
    else this.watcher?.jobMessage(address, message);
  }

  /**
   * Ends an interval for all nodes that go by this one, together; a node that goes by a longer one, since it fetched its
   * config before the setting was changed, has so much of its own behind it. A sweep that comes late does not make the
   * next interval shorter.
   */
  private sweepAfterInterval(): void {
    const passedMs = this.sessions.shortestInterval();
    this.sweep = setLongTimer(passedMs, () => {
      for (const entry of this.entries.values()) {
        entry.intervalMs += passedMs;
        if (entry.intervalMs < entry.session.heartbeatInterval) continue;
        entry.intervalMs = 0;
        entry.mailbox.post({ input: { type: 'interval_ended' } });
      }
      this.sweepAfterInterval();
    });
  }
}
