import type { Logger } from 'pino';
import { AppError } from '../../shared/lib/app-error.js';
import type { Clock } from '../../shared/lib/clock.js';
import type { Result } from '../../shared/lib/result.js';
import { setLongTimer, type Timer } from '../../shared/lib/timer.js';
import type { CurveKeyPair } from '../../shared/protocol/curve-key.js';
import type { CommandMessage } from '../../shared/protocol/server-message.js';
import { backoffMs } from '../domain/backoff.js';
import type { MessageStamp } from '../domain/client-messages.js';
import { ASSUMED_ONLINE } from '../domain/server-presence.js';
import type { ConfigFetchFailure } from './config-fetch.js';
import { ConfigRefresh } from './config-refresh.js';
import type { ConnectionConfig } from './connection-config.js';
import { ServerConnection } from './server-connection.js';

/** Callbacks of the connection manager. */
export interface ConnectionManagerEvents {
  /** A connection was established: the next message is the first one on it. */
  connected(): void;
  /** A verified command came. */
  command(command: CommandMessage): void;
  /** The client must send a heartbeat now. */
  heartbeatDue(): void;
  /** The server is online again after it was offline. */
  serverBack(): void;
  /** The client can never serve this server with its settings. */
  failed(error: AppError): void;
  /** A bug was caught. */
  bug(thrown: unknown): void;
}

export interface ConnectionManagerOptions {
  readonly curve: CurveKeyPair;
  readonly fetchConfig: (signal: AbortSignal) => Promise<Result<ConnectionConfig, ConfigFetchFailure>>;
  /** Whether the node has no job. */
  readonly isNodeIdle: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: ConnectionManagerEvents;
}

/** Backoff between config fetches while the connection fails. */
const CONNECTION_BACKOFF = { firstMs: 1000, maxMs: 300_000 };

/**
 * Keeps the client connected to its server. It fetches the config, opens a connection with it, and replaces the
 * connection when a new config was fetched: at the end of the config lifetime, after a server restart, or when the
 * connection fails.
 */
export class ConnectionManager {
  private connection: ServerConnection | undefined;
  private readonly refresh: ConfigRefresh;
  /** How often in a row the connection failed, and how often the heartbeats stopped. */
  private failures = 0;
  private silences = 0;
  private lifetime: Timer | undefined;

  constructor(private readonly options: ConnectionManagerOptions) {
    this.refresh = new ConfigRefresh({
      fetch: options.fetchConfig,
      isNodeIdle: options.isNodeIdle,
      apply: (config) => this.connect(config),
      onHeld: (config) => this.scheduleRefetch(config),
      onFailure: (failure) => this.onFetchFailure(failure),
      log: options.log,
    });
  }

  /** The config of the current connection. */
  get config(): ConnectionConfig | undefined {
    return this.connection?.config;
  }

  /** Fetches the config, and applies it as soon as the node is idle. */
  refetchConfig(reason: string): void {
    this.refresh.request(reason, 0);
  }

  /** Applies a config that had to wait, because the node is idle now. */
  onNodeIdle(): void {
    this.refresh.resume();
  }

  /** Sends a message. Resolves to false if it was not sent; the message is not queued then. */
  async send(build: (stamp: MessageStamp) => object): Promise<boolean> {
    return (await this.connection?.send(build)) ?? false;
  }

  /** Stops fetching the config; the current connection stays open. */
  stopRefresh(): void {
    this.refresh.stop();
    this.lifetime?.cancel();
  }

  /** Closes the connection. Messages that were just sent have `lingerMs` milliseconds to leave. */
  async close(lingerMs: number): Promise<void> {
    await this.connection?.close(lingerMs);
  }

  private connect(config: ConnectionConfig): void {
    const { curve, clock, log, events } = this.options;
    const previous = this.connection;
    const presence = previous?.presence ?? ASSUMED_ONLINE;
    log.info({ server: config.commandAddress, server_incarnation: config.serverIncarnation }, 'connecting');
    this.connection = new ServerConnection({
      config,
      curve,
      presence,
      clock,
      log,
      events: {
        connected: () => events.connected(),
        command: (command) => {
          this.failures = 0;
          events.command(command);
        },
        heartbeatDue: () => events.heartbeatDue(),
        heartbeatsBack: () => {
          this.silences = 0;
          this.refresh.withdraw();
        },
        presenceChanged: (mode) => this.onPresenceChanged(mode),
        serverRestarted: () => this.onServerRestarted(config),
        failed: (reason) => this.onConnectionFailure(reason),
      },
    });
    previous?.close().catch((thrown: unknown) => events.bug(thrown));
    this.scheduleRefetch(config);
    if (presence.mode === 'offline') this.onSilence('the server is still offline');
  }

  private scheduleRefetch({ lifetimeMs }: ConnectionConfig): void {
    this.lifetime?.cancel();
    const delayMs = lifetimeMs * (1 - Math.random() / 10);
    this.lifetime = setLongTimer(delayMs, () => this.refetchConfig('the config lifetime is over'));
  }

  private onPresenceChanged(mode: 'online' | 'offline'): void {
    this.options.log[mode === 'online' ? 'info' : 'warn']({ server: mode }, 'the server presence changed');
    if (mode === 'offline') this.onSilence('the heartbeats of the server stopped');
    else this.options.events.serverBack();
  }

  private onServerRestarted(config: ConnectionConfig): void {
    if (this.refresh.isPending) return;
    // Many nodes notice a restart at once: the random delay spreads their requests.
    this.refresh.request('the server restarted', Math.random() * config.intervalMs);
  }

  /** Requests another config, which may fix the connection. */
  private onConnectionFailure(reason: string): void {
    if (!this.refresh.isFetchPending) this.refresh.request(reason, this.retryDelayMs(++this.failures));
  }

  /** Requests another config, unless the heartbeats of the server come back before. */
  private onSilence(reason: string): void {
    if (!this.refresh.isFetchPending) this.refresh.request(reason, this.retryDelayMs(++this.silences), true);
  }

  private retryDelayMs(failures: number): number {
    const firstMs = Math.max(CONNECTION_BACKOFF.firstMs, this.config?.intervalMs ?? 0);
    return backoffMs(failures, { ...CONNECTION_BACKOFF, firstMs }, Math.random());
  }

  private onFetchFailure({ kind, reason }: ConfigFetchFailure): void {
    if (kind === 'unencrypted' && this.connection === undefined) {
      this.refresh.stop();
      this.options.events.failed(new AppError('server_unencrypted', reason));
      return;
    }
    this.options.log[kind === 'temporary' ? 'warn' : 'error'](
      { reason },
      'could not fetch the config; the client will retry',
    );
  }
}
