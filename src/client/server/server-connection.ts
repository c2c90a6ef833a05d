import type { Logger } from 'pino';
import type { Clock } from '../../shared/lib/clock.js';
import type { CurveKeyPair } from '../../shared/protocol/curve-key.js';
import { encodeFrame } from '../../shared/protocol/frame-codec.js';
import type { CommandMessage } from '../../shared/protocol/server-message.js';
import { CommandDealer } from '../../shared/platform/zmq/command-dealer.js';
import { HeartbeatSubscriber } from '../../shared/platform/zmq/heartbeat-subscriber.js';
import { verifyCommand } from '../domain/verify-command.js';
import { verifyServerHeartbeat } from '../domain/verify-heartbeat.js';
import { MessageBudget } from '../domain/message-budget.js';
import type { MessageStamp } from '../domain/client-messages.js';
import {
  onIntervalPassed,
  onServerCommand,
  onServerHeartbeat,
  type ServerPresence,
} from '../domain/server-presence.js';
import type { ConnectionConfig } from './connection-config.js';

/** Callbacks of a connection. */
export interface ServerConnectionEvents {
  /** A connection was established: the next message is the first one on it. */
  connected(): void;
  /** A verified command came. */
  command(command: CommandMessage): void;
  /** The client must send a heartbeat now. */
  heartbeatDue(): void;
  /** The server's heartbeats stopped, or the server is heard again. */
  presenceChanged(mode: ServerPresence['mode']): void;
  /** The server is online, and its heartbeats have come back after they had stopped. */
  heartbeatsBack(): void;
  /** A heartbeat shows that the server process is a new one since the config was fetched. */
  serverRestarted(): void;
  /** The server does not accept our Curve key, does not respond, or cannot be connected to. */
  failed(reason: string): void;
}

export interface ServerConnectionOptions {
  readonly config: ConnectionConfig;
  readonly curve: CurveKeyPair;
  readonly presence: ServerPresence;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: ServerConnectionEvents;
}

/**
 * Maximum size of a command: a commit may contain a file of 100,000 bytes, and JSON escapes make it up to 6 times
 * longer.
 */
const MAX_COMMAND_BYTES = 1024 * 1024;

/** Minimum interval between pings of ZeroMQ. */
const MIN_PING_MS = 1000;

/**
 * After this many milliseconds without an acknowledgement of TCP a connection ends. A new one is there sooner than TCP
 * repeats its packets after a cut. But what was sent is lost with it; a server without acknowledgements of results would
 * miss them.
 */
const UNACKNOWLEDGED_MS = { resultsAcknowledged: 5000, otherwise: 30_000 };

/** How long the client waits before it connects again if ZeroMQ does not; up to twice as long, at random. */
const REOPEN_MS = 2000;

/** Minimum time to wait for the connection, and for a command after its first message, before they count as failed. */
const MIN_REPLY_WAIT_MS = 4000;

/**
 * Messages per second that are handled. A server sends at most three commands for a job, and one heartbeat in each
 * interval, or two while its keys are rotated.
 */
const MAX_COMMANDS_PER_SECOND = 300;
const MAX_HEARTBEATS_PER_SECOND = 50;

/**
 * The command channel and the heartbeat channel to the server, opened with one config document. While the server is
 * online it requests a heartbeat in each interval. When the server's heartbeats stop, it closes and reopens the
 * sockets. See docs/spec/wire-protocol.md, "Sockets of the node client" and "Presence of the server".
 */
export class ServerConnection {
  private dealer: CommandDealer;
  private subscriber: HeartbeatSubscriber;
  private readonly ticker: NodeJS.Timeout;
  private currentPresence: ServerPresence;
  private connected = false;
  /** When the connection was lost or first attempted; performance time in ms. */
  private disconnectedSince = performance.now();
  private sequence = 0;
  private lastCommandSequence = 0;
  /** When the first message was sent on this connection, if no command has come since; performance time in ms. */
  private unansweredSince: number | undefined;
  private closed = false;
  /** Whether the heartbeats stopped and none has come since. */
  private heartbeatsStopped: boolean;
  private reopenTimer: NodeJS.Timeout | undefined;
  private readonly commands = new MessageBudget(MAX_COMMANDS_PER_SECOND);
  private readonly heartbeats = new MessageBudget(MAX_HEARTBEATS_PER_SECOND);
  /** Whether clock skew was logged since the last accepted heartbeat. */
  private clockSkewLogged = false;

  constructor(private readonly options: ServerConnectionOptions) {
    this.currentPresence = options.presence;
    this.heartbeatsStopped = options.presence.mode === 'offline';
    this.dealer = this.openDealer();
    this.subscriber = this.openSubscriber();
    this.ticker = setInterval(() => this.onInterval(), options.config.intervalMs);
  }

  get config(): ConnectionConfig {
    return this.options.config;
  }

  get presence(): ServerPresence {
    return this.currentPresence;
  }

  /** Numbers, signs and sends a message. Resolves to false if it was not sent; the message is not queued then. */
  async send(build: (stamp: MessageStamp) => object): Promise<boolean> {
    if (!this.connected || this.closed) return false;
    const stamp = { sequence: ++this.sequence, nowMs: this.options.clock.now() };
    const [header, body] = encodeFrame(this.options.config.sessionKey, build(stamp));
    this.unansweredSince ??= this.lastCommandSequence === 0 ? performance.now() : undefined;
    return this.dealer.send(header, body);
  }

  /** Closes both channels. Messages that were just sent have `lingerMs` milliseconds to leave. */
  async close(lingerMs = 0): Promise<void> {
    this.closed = true;
    this.connected = false;
    clearInterval(this.ticker);
    clearTimeout(this.reopenTimer);
    await Promise.all([this.dealer.close(lingerMs), this.subscriber.close()]);
  }

  private onInterval(): void {
    const { config } = this.options;
    this.logDropped();
    this.updatePresence(onIntervalPassed(this.currentPresence, config));
    const now = performance.now();
    const maxWaitMs = Math.max(2 * config.intervalMs, MIN_REPLY_WAIT_MS);
    if (this.unansweredSince !== undefined && now - this.unansweredSince > maxWaitMs) {
      this.unansweredSince = now;
      this.options.events.failed('the server does not respond on the command channel');
    }
    if (
      !this.connected &&
      this.currentPresence.mode === 'online' &&
      now - this.disconnectedSince > maxWaitMs
    ) {
      this.reopenDealer(); // a connection can hang in its handshake
      this.options.events.failed('cannot connect to the command channel');
    }
    if (this.currentPresence.mode === 'online' && this.connected) this.options.events.heartbeatDue();
  }

  private logDropped(): void {
    const dropped = { commands: this.commands.takeDropped(), heartbeats: this.heartbeats.takeDropped() };
    if (dropped.commands + dropped.heartbeats === 0) return;
    this.options.log.warn(
      dropped,
      'the server sends far too many messages; those that were too many were dropped unread',
    );
  }

  private updatePresence(next: ServerPresence): void {
    const before = this.currentPresence.mode;
    this.currentPresence = next;
    if (next.mode === before) return;
    if (next.mode === 'offline') {
      this.heartbeatsStopped = true;
      this.reopen();
    }
    this.options.events.presenceChanged(next.mode);
  }

  private reopen(): void {
    this.subscriber.close().catch((thrown: unknown) => this.onFault(thrown));
    this.subscriber = this.openSubscriber();
    this.reopenDealer();
  }

  private reopenDealer(): void {
    clearTimeout(this.reopenTimer);
    this.reopenTimer = undefined;
    this.dealer.close().catch((thrown: unknown) => this.onFault(thrown));
    this.resetConnectionState(false);
    this.sequence = 0;
    this.dealer = this.openDealer();
  }

  /** ZeroMQ does not connect again after some failures of the handshake. */
  private reopenLater(): void {
    this.reopenTimer ??= setTimeout(() => this.reopenDealer(), REOPEN_MS * (1 + Math.random()));
  }

  /** Resets the state of one connection; the server restarts the numbering of commands for each. */
  private resetConnectionState(connected: boolean): void {
    this.connected = connected;
    this.disconnectedSince = performance.now();
    this.lastCommandSequence = 0;
    this.unansweredSince = undefined;
  }

  private openDealer(): CommandDealer {
    const { config, curve, events, log } = this.options;
    const serverKey = config.curveServerKey;
    const isCurrent = (): boolean => dealer === this.dealer && !this.closed;
    const dealer: CommandDealer = new CommandDealer(
      config.commandAddress,
      {
        ...(serverKey === undefined ? {} : { curve: { own: curve, serverKey } }),
        ipv6: config.ipv6,
        maxMessageSize: MAX_COMMAND_BYTES,
        pingMs: config.supportsPings ? Math.max(config.intervalMs, MIN_PING_MS) : undefined,
        unacknowledgedMs: config.supportsResultAck
          ? UNACKNOWLEDGED_MS.resultsAcknowledged
          : UNACKNOWLEDGED_MS.otherwise,
      },
      {
        connected: () => {
          if (!isCurrent()) return;
          this.resetConnectionState(true);
          events.connected();
        },
        disconnected: () => isCurrent() && this.resetConnectionState(false),
        retrying: (delayMs) => log.debug({ retry_ms: delayMs }, 'cannot connect to the command channel'),
        refused: () => {
          if (!isCurrent()) return;
          this.reopenLater();
          events.failed('the server does not accept our Curve key');
        },
        broken: () => isCurrent() && this.reopenLater(),
        message: (frames) => isCurrent() && this.onCommand(frames),
        fault: (thrown) => this.onFault(thrown),
      },
    );
    return dealer;
  }

  private openSubscriber(): HeartbeatSubscriber {
    const { heartbeatAddress, ipv6 } = this.options.config;
    return new HeartbeatSubscriber(heartbeatAddress, ipv6, {
      message: (frames) => this.onServerHeartbeat(frames),
      fault: (thrown) => this.onFault(thrown),
    });
  }

  private onCommand(frames: readonly Buffer[]): void {
    if (!this.commands.take(performance.now())) return;
    const { config, clock, log, events } = this.options;
    const command = verifyCommand(frames, {
      sessionKey: config.sessionKey,
      lastSequence: this.lastCommandSequence,
      nowMs: clock.now(),
      maxSkewS: config.maxSkewS,
    });
    if (!command.ok) {
      log.debug({ reason: command.error }, 'a message on the command channel was dropped');
      return;
    }
    this.lastCommandSequence = command.value.sequence;
    this.unansweredSince = undefined;
    this.updatePresence(onServerCommand(this.currentPresence));
    events.command(command.value);
  }

  private onServerHeartbeat(frames: readonly Buffer[]): void {
    if (this.closed || !this.heartbeats.take(performance.now())) return;
    const { config, clock, events, log } = this.options;
    const heartbeat = verifyServerHeartbeat(frames, config, clock.now());
    if (!heartbeat.ok) {
      const { kind, reason } = heartbeat.error;
      const isNewSkew = kind === 'clock_skew' && !this.clockSkewLogged;
      this.clockSkewLogged ||= isNewSkew;
      log[isNewSkew ? 'error' : 'debug']({ reason }, 'a server heartbeat was dropped');
      return;
    }
    this.clockSkewLogged = false;
    this.updatePresence(onServerHeartbeat(this.currentPresence, config));
    if (this.heartbeatsStopped && this.currentPresence.mode === 'online') {
      this.heartbeatsStopped = false;
      events.heartbeatsBack();
    }
    if (heartbeat.value.incarnation_id !== config.serverIncarnation) events.serverRestarted();
  }

  private onFault(thrown: unknown): void {
    this.options.log.error({ err: thrown }, 'could not handle a message of the server');
  }
}
