import type { Logger } from 'pino';
import type { Clock } from '../../shared/lib/clock.js';
import type { CurveKeyPair } from '../../shared/protocol/curve-key.js';
import { encodeFrame } from '../../shared/protocol/frame-codec.js';
import type { CommandMessage } from '../../shared/protocol/server-message.js';
import { CommandDealer } from '../../shared/platform/zmq/command-dealer.js';
import { HeartbeatSubscriber } from '../../shared/platform/zmq/heartbeat-subscriber.js';
import { checkCommand } from '../domain/check-command.js';
import { checkServerHeartbeat } from '../domain/check-heartbeat.js';
import type { MessageStamp } from '../domain/client-messages.js';
import { onIntervalPassed, onServerBeat, type ServerPresence } from '../domain/server-presence.js';
import type { SessionConfig } from './session-config.js';

/** Told of what happens in a session. */
export interface SessionEvents {
  /** A connection stands: the next message sent is the first on it. */
  connected(): void;
  /** A command that verified. */
  command(command: CommandMessage): void;
  /** It is time for a heartbeat. */
  beat(): void;
  /** The server's heartbeats stopped, or come again. */
  presence(mode: ServerPresence['mode']): void;
  /** The server is another process than the one whose config this is. */
  serverRestarted(): void;
  /** The server does not accept our Curve key, or says nothing on the command channel. */
  unheard(reason: string): void;
}

export interface SessionParts {
  readonly config: SessionConfig;
  readonly curve: CurveKeyPair;
  readonly presence: ServerPresence;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: SessionEvents;
}

/** A commit may carry a file of 100,000 bytes, which JSON makes up to six times as long. */
const MAX_COMMAND_BYTES = 1024 * 1024;

/** More often than this, in milliseconds, the connection is not tried. */
const MIN_PING_MS = 1000;

/** The server answers the first message of a connection; if not, something is wrong with it. At least, in ms. */
const MIN_ANSWER_WAIT_MS = 4000;

/**
 * The two channels to one server by one config document. While the server is there (`presence` online) it asks for a
 * heartbeat each interval. When the server's own heartbeats stop, the sockets are closed and opened again.
 */
export class ServerSession {
  private dealer: CommandDealer;
  private subscriber: HeartbeatSubscriber;
  private readonly ticker: NodeJS.Timeout;
  private currentPresence: ServerPresence;
  private connected = false;
  /** When the connection was lost or first tried for; performance time in ms. */
  private unconnectedSince = performance.now();
  private sequence = 0;
  private lastCommandSequence = 0;
  /** When the first message of this connection was sent, while no command has come on it; performance time in ms. */
  private unansweredSince: number | undefined;
  private closed = false;
  /** Whether the server's heartbeats are dropped because of a clock; said once each time. */
  private clockIsWrong = false;

  constructor(private readonly parts: SessionParts) {
    this.currentPresence = parts.presence;
    this.dealer = this.openDealer();
    this.subscriber = this.openSubscriber();
    this.ticker = setInterval(() => this.onInterval(), parts.config.intervalMs);
  }

  get config(): SessionConfig {
    return this.parts.config;
  }

  get presence(): ServerPresence {
    return this.currentPresence;
  }

  /**
   * Numbers, signs and sends a message, which is made of its stamp. False where there is no connection to send it
   * on; it is not kept then.
   */
  async send(build: (stamp: MessageStamp) => object): Promise<boolean> {
    if (!this.connected || this.closed) return false;
    const stamp = { sequence: ++this.sequence, nowMs: this.parts.clock.now() };
    const [header, body] = encodeFrame(this.parts.config.sessionKey, build(stamp));
    this.unansweredSince ??= this.lastCommandSequence === 0 ? performance.now() : undefined;
    return this.dealer.send(header, body);
  }

  /** Ends the session; what was just sent may still go out for `lingerMs` milliseconds. */
  async close(lingerMs = 0): Promise<void> {
    this.closed = true;
    this.connected = false;
    clearInterval(this.ticker);
    await Promise.all([this.dealer.close(lingerMs), this.subscriber.close()]);
  }

  private onInterval(): void {
    const { config } = this.parts;
    this.setPresence(onIntervalPassed(this.currentPresence, config));
    const now = performance.now();
    const patience = Math.max(2 * config.intervalMs, MIN_ANSWER_WAIT_MS);
    if (this.unansweredSince !== undefined && now - this.unansweredSince > patience) {
      this.unansweredSince = now;
      this.parts.events.unheard('the server says nothing on the command channel');
    }
    if (!this.connected && this.currentPresence.mode === 'online' && now - this.unconnectedSince > patience) {
      this.reopenDealer(); // ZeroMQ gives up for good after a handshake that failed
      this.parts.events.unheard('there is no connection to the command channel');
    }
    if (this.currentPresence.mode === 'online' && this.connected) this.parts.events.beat();
  }

  private setPresence(next: ServerPresence): void {
    const before = this.currentPresence.mode;
    this.currentPresence = next;
    if (next.mode === before) return;
    if (next.mode === 'offline') this.reopen();
    this.parts.events.presence(next.mode);
  }

  private reopen(): void {
    this.subscriber.close().catch((thrown: unknown) => this.onFault(thrown));
    this.subscriber = this.openSubscriber();
    this.reopenDealer();
  }

  private reopenDealer(): void {
    this.dealer.close().catch((thrown: unknown) => this.onFault(thrown));
    this.beginConnection(false);
    this.sequence = 0;
    this.dealer = this.openDealer();
  }

  /** Numbering of the server's commands starts anew with each connection. */
  private beginConnection(connected: boolean): void {
    this.connected = connected;
    this.unconnectedSince = performance.now();
    this.lastCommandSequence = 0;
    this.unansweredSince = undefined;
  }

  private openDealer(): CommandDealer {
    const { config, curve, events } = this.parts;
    const serverKey = config.curveServerKey;
    const firstReconnectMs = Math.round(Math.min(config.intervalMs, 500) * (1 + Math.random()));
    const isCurrent = (): boolean => dealer === this.dealer && !this.closed;
    const dealer: CommandDealer = new CommandDealer(
      config.commandAddress,
      {
        ...(serverKey === undefined ? {} : { curve: { own: curve, serverKey } }),
        ipv6: config.ipv6,
        maxMessageSize: MAX_COMMAND_BYTES,
        pingMs: config.answersPings ? Math.max(config.intervalMs, MIN_PING_MS) : undefined,
        reconnectMs: [firstReconnectMs, Math.max(config.intervalMs, firstReconnectMs)],
      },
      {
        connected: () => {
          if (!isCurrent()) return;
          this.beginConnection(true);
          events.connected();
        },
        disconnected: () => isCurrent() && this.beginConnection(false),
        refused: () => isCurrent() && events.unheard('the server does not accept our Curve key'),
        message: (frames) => isCurrent() && this.onCommand(frames),
        fault: (thrown) => this.onFault(thrown),
      },
    );
    return dealer;
  }

  private openSubscriber(): HeartbeatSubscriber {
    const { heartbeatAddress, ipv6 } = this.parts.config;
    return new HeartbeatSubscriber(heartbeatAddress, ipv6, {
      message: (frames) => this.onServerHeartbeat(frames),
      fault: (thrown) => this.onFault(thrown),
    });
  }

  private onCommand(frames: readonly Buffer[]): void {
    const { config, clock, log, events } = this.parts;
    const command = checkCommand(frames, {
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
    events.command(command.value);
  }

  private onServerHeartbeat(frames: readonly Buffer[]): void {
    if (this.closed) return;
    const { config, clock, events, log } = this.parts;
    const beat = checkServerHeartbeat(frames, config, clock.now());
    if (!beat.ok) {
      const { kind, reason } = beat.error;
      const isNews = kind === 'clock' && !this.clockIsWrong;
      this.clockIsWrong ||= isNews;
      log[isNews ? 'error' : 'debug']({ reason }, 'a server heartbeat was dropped');
      return;
    }
    this.clockIsWrong = false;
    this.setPresence(onServerBeat(this.currentPresence, config));
    if (beat.value.incarnation_id !== config.serverIncarnation) events.serverRestarted();
  }

  private onFault(thrown: unknown): void {
    this.parts.log.error({ err: thrown }, 'a message could not be handled');
  }
}
