import type { Logger } from 'pino';
import type { Session } from '../keys/keys.port.js';
import { Mailbox } from '../../shared/lib/mailbox.js';
import { setLongTimer, type Timer } from '../../shared/lib/timer.js';
import { type ClientMessage, isKeptResult } from '../../shared/protocol/client-message.js';
import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { CommandChannel, ReceivedMessage } from '../transport/transport.port.js';
import {
  type NodeEffect,
  type NodeInput,
  type NodeMachineState,
  type PresenceRules,
  reduceNode,
  unknownNode,
} from './domain/node-machine.js';
import type { NodeStore, StoredNode } from './node-store.port.js';
import type { NodeEventHandler, Silence } from './nodes.port.js';

const DAY_MS = 24 * 3_600_000;

interface QueuedInput {
  readonly input: NodeInput;
  /** Set for the input `message_received`. */
  readonly message?: ClientMessage;
}

/** What the effects of a node's state machine need. */
export interface TrackedNodeContext {
  readonly rules: PresenceRules;
  /** Milliseconds after which `abort` is repeated. */
  readonly rehabTimerMs: () => number;
  readonly channel: CommandChannel;
  readonly store: NodeStore;
  readonly handler: () => NodeEventHandler | undefined;
  readonly logger: Logger;
}

const kindOf = (message: ClientMessage): Extract<NodeInput, { type: 'message_received' }>['kind'] => {
  const { type } = message;
  if (type === 'heartbeat' || type === 'aborted' || type === 'output') return type;
  return isKeptResult(message) ? 'kept_result' : 'other';
};

/** One node that was heard: runs its state machine and executes the effects, one input after another. */
export class TrackedNode {
  state: NodeMachineState;
  /** Milliseconds since 1970. */
  lastSeenAt = 0;
  /** Arrival number of the last message. */
  lastArrival = 0;
  clientVersion: string | undefined;
  /** Why the node was sent to rehab the last time. */
  rehabReason: string | undefined;
  private readonly mailbox: Mailbox<QueuedInput>;
  /** How much of the current interval has passed. */
  private intervalMs = 0;
  private rehabTimer: Timer | undefined;
  /** The last stored value of `lastSeenAt`. */
  private storedSeenAt: number;

  constructor(
    private session: Session,
    stored: StoredNode | undefined,
    private readonly context: TrackedNodeContext,
  ) {
    this.state = unknownNode(stored?.incarnation);
    this.storedSeenAt = stored?.heardAt ?? 0;
    this.mailbox = new Mailbox(
      (queued) => this.step(queued),
      (thrown) => context.logger.error({ ...this.address, err: thrown }, 'an event of a node failed'),
    );
  }

  get address(): NodeAddress {
    return this.session.address;
  }

  /** Handles a message that was received at `now` (milliseconds since 1970). */
  receive({ session, message, firstOnConnection }: ReceivedMessage, strayJob: boolean, now: number): void {
    const { type } = message;
    const kind = kindOf(message);
    this.session = session;
    this.lastSeenAt = now;
    if (now - this.storedSeenAt >= DAY_MS) this.save(this.state.incarnation);
    if (type === 'heartbeat') this.clientVersion = message.client_version;
    this.mailbox.post({
      input: {
        type: 'message_received',
        kind,
        incarnation: message.incarnation_id,
        firstOnConnection,
        strayJob,
      },
      message,
    });
  }

  requestRehab(reason: string, byJob: string | undefined): void {
    this.mailbox.post({ input: { type: 'rehab_requested', reason, byJob } });
  }

  /** Adds to the node's current interval, and ends it when it is over. Nodes may have different intervals. */
  timePassed(passedMs: number): void {
    this.intervalMs += passedMs;
    if (this.intervalMs < this.session.heartbeatInterval) return;
    this.intervalMs = 0;
    this.mailbox.post({ input: { type: 'interval_ended' } });
  }

  isAvailable(now: number): boolean {
    return this.state.online && this.state.mode === 'idle' && this.hasValidSession(now);
  }

  hasValidSession(now: number): boolean {
    return this.session.validUntil > now;
  }

  stop(): void {
    this.rehabTimer?.cancel();
  }

  private step({ input, message }: QueuedInput): void {
    const { state, effects } = reduceNode(this.state, input, this.context.rules);
    if (state.mode !== this.state.mode || state.online !== this.state.online) {
      this.context.logger.info({ ...this.address, mode: state.mode, online: state.online }, 'node changed');
    }
    this.state = state;
    const firstOnConnection = input.type === 'message_received' && input.firstOnConnection;
    for (const effect of effects) this.execute(effect, message, firstOnConnection);
  }

  private execute(effect: NodeEffect, message: ClientMessage | undefined, firstOnConnection: boolean): void {
    const { channel, handler } = this.context;
    switch (effect.type) {
      case 'send_abort':
        return channel.send([this.address], { type: 'abort' });
      case 'send_ack':
        return channel.send([this.address], { type: 'ack' });
      case 'set_rehab_timer':
        return this.setRehabTimer();
      case 'clear_rehab_timer':
        return this.rehabTimer?.cancel();
      case 'store_incarnation':
        return this.save(effect.incarnation);
      case 'forward_message':
        return this.forward(message, firstOnConnection);
      case 'notify_offline':
        return handler()?.nodeOffline(this.address, this.silence());
      case 'notify_rehab':
        this.rehabReason = effect.reason;
        return handler()?.rehabStarted(this.address, effect.reason, effect.byJob);
    }
  }

  /** The last message came in the interval before the silent ones. */
  private silence(): Silence {
    const intervalMs = this.session.heartbeatInterval;
    const silentMs = this.state.silentIntervals * intervalMs;
    return { since: performance.now() - silentMs, lastSeenAt: this.lastSeenAt, intervalMs };
  }

  private setRehabTimer(): void {
    this.rehabTimer?.cancel();
    this.rehabTimer = setLongTimer(this.context.rehabTimerMs(), () =>
      this.mailbox.post({ input: { type: 'rehab_timer_fired' } }),
    );
  }

  private save(incarnation: string | undefined): void {
    if (incarnation === undefined) return;
    this.storedSeenAt = this.lastSeenAt;
    this.context.store.save({ ...this.address, incarnation, heardAt: this.lastSeenAt });
  }

  private forward(message: ClientMessage | undefined, firstOnConnection: boolean): void {
    if (message === undefined) return;
    const handler = this.context.handler();
    if (message.type === 'heartbeat') handler?.heartbeat(this.address, message, firstOnConnection);
    else if (message.type === 'output') handler?.output(this.address, message);
    else handler?.jobMessage(this.address, message, firstOnConnection);
  }
}
