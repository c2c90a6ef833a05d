import type { Logger } from 'pino';
import { AppError, messageOf } from '../shared/lib/app-error.js';
import type { Clock } from '../shared/lib/clock.js';
import { deferred } from '../shared/lib/deferred.js';
import { Mailbox } from '../shared/lib/mailbox.js';
import { err, type Result } from '../shared/lib/result.js';
import { setLongTimer, type Timer } from '../shared/lib/timer.js';
import type { CurveKeyPair } from '../shared/protocol/curve-key.js';
import type { CommandMessage } from '../shared/protocol/server-message.js';
import { backoffMs } from './domain/backoff.js';
import {
  type ClientIdentity,
  heartbeatMessage,
  jobMessage,
  outputMessage,
} from './domain/client-messages.js';
import { chunkBytesFor, type OutputChunk } from './domain/live-output.js';
import {
  idleAfter,
  type JobEffect,
  type JobInput,
  type JobMachine,
  type JobReply,
  reduceJob,
} from './domain/job-machine.js';
import { BELIEVED_ONLINE } from './domain/server-presence.js';
import type { JobRunner } from './job/job-runner.js';
import { LiveOutputSender } from './job/live-output-sender.js';
import type { ConfigFault } from './server/config-fetch.js';
import { ConfigRefresh } from './server/config-refresh.js';
import { ServerSession } from './server/server-session.js';
import type { SessionConfig } from './server/session-config.js';

export interface AgentParts {
  readonly identity: ClientIdentity;
  readonly curve: CurveKeyPair;
  readonly fetchConfig: (signal: AbortSignal) => Promise<Result<SessionConfig, ConfigFault>>;
  readonly runner: JobRunner;
  /** Jobs that were started here before, by earlier processes of this client. */
  readonly ranBefore: readonly string[];
  /** Longest message that is sent, in bytes. */
  readonly maxBodySize: number;
  /** Milliseconds that the command of an aborted job gets between TERM and KILL. */
  readonly killGraceMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Waits between fetches of the config while something is wrong with the server, in milliseconds. */
const TROUBLE_BACKOFF = { firstMs: 1000, maxMs: 300_000 };

/** Messages about jobs that wait for a connection; more than a few only pile up where something is badly wrong. */
const OUTBOX_LIMIT = 32;

/** How long the last messages may take to go out when the client stops, in milliseconds. */
const FAREWELL_MS = 1000;

/** What stopping may take beyond the time that a command gets to end, in milliseconds. */
const STOP_MARGIN_MS = 4000;

/**
 * The client's supervisor: it owns the job machine, the session with the server and the messages that wait for a
 * connection, hands every input to the machine one after the other, and executes its effects.
 */
export class Agent {
  private machine: JobMachine;
  private session: ServerSession | undefined;
  private readonly inputs = new Mailbox<JobInput>(
    (input) => this.step(input),
    (thrown) => this.onBug(thrown),
  );
  private readonly refresh: ConfigRefresh;
  private readonly outbox: JobReply[] = [];
  private delivering = false;
  private delivery: Promise<void> = Promise.resolve();
  private readonly cleanups = new Set<Promise<void>>();
  /** The output of the command that runs, where the server may want it before the end. */
  private live: { readonly jobId: string; readonly sender: LiveOutputSender } | undefined;
  private troubles = 0;
  private lifetime: Timer | undefined;
  private readonly over = deferred();

  constructor(private readonly parts: AgentParts) {
    this.machine = idleAfter(parts.ranBefore);
    this.refresh = new ConfigRefresh({
      fetch: parts.fetchConfig,
      isIdle: () => this.machine.mode === 'idle',
      apply: (config) => this.openSession(config),
      failed: (fault) => this.onConfigFault(fault),
      log: parts.log,
    });
  }

  /** Connects to the server and serves it; resolves after `stop`, rejects where it cannot serve this server at all. */
  run(): Promise<void> {
    this.refresh.request('the client starts', 0);
    return this.over.promise;
  }

  /** Ends the command that runs, with all that it started, tells the server, and ends the agent. */
  stop(): void {
    this.refresh.stop();
    setLongTimer(this.parts.killGraceMs + STOP_MARGIN_MS, () => this.over.resolve());
    this.inputs.post({ kind: 'shutdown' });
  }

  /** Fetches the config again as soon as no job is under way. */
  refetchConfig(): void {
    this.refresh.request('asked for', 0);
  }

  private step(input: JobInput): void {
    const before = this.machine.mode;
    const { machine, effects } = reduceJob(this.machine, input);
    this.machine = machine;
    if (before !== machine.mode) {
      this.parts.log.info(
        { job: machine.jobId, from: before, to: machine.mode, by: input.kind },
        'job state',
      );
    }
    for (const effect of effects) this.execute(effect);
    if (machine.mode === 'idle') this.refresh.resume();
  }

  private execute(effect: JobEffect): void {
    const { runner } = this.parts;
    switch (effect.kind) {
      case 'reply':
        this.say(effect.reply);
        return;
      case 'prepare':
        return this.background(this.prepare(effect.order));
      case 'start':
        return this.background(this.start(effect.jobId));
      case 'stop':
        return this.background(runner.stop(effect.jobId));
      case 'send_output':
        if (this.live?.jobId === effect.jobId) this.live.sender.setPace(effect.everyMs);
        return;
      case 'discard':
        return this.cleanUp(effect.jobId);
      case 'closed':
        return this.background(this.closeDown());
    }
  }

  private async prepare(order: Parameters<JobRunner['prepare']>[0]): Promise<void> {
    const { jobId } = order;
    const prepared = await this.parts.runner.prepare(order).catch((thrown: unknown) => {
      this.onBug(thrown);
      return err(`the job could not be prepared: ${messageOf(thrown)}`); // the server waits for a vote
    });
    if (prepared.ok) this.inputs.post({ kind: 'prepared', jobId });
    else {
      this.parts.log.warn({ job: jobId, reason: prepared.error }, 'the job is declined');
      this.inputs.post({ kind: 'refused', jobId, reason: prepared.error });
    }
  }

  private start(jobId: string): Promise<void> {
    const { runner } = this.parts;
    const mayBeWanted = this.session?.config.takesLiveOutput === true && runner.captures(jobId);
    const send = (chunk: OutputChunk) => this.sendLive(jobId, chunk);
    const live = mayBeWanted ? new LiveOutputSender(send, chunkBytesFor(this.maxBytes)) : undefined;
    this.live = live && { jobId, sender: live };
    return runner.start(jobId, {
      output: (stream, data) => live?.add(stream, data),
      started: () => this.inputs.post({ kind: 'started', jobId }),
      notStarted: (reason) => {
        this.live = undefined;
        this.parts.log.error({ job: jobId, reason }, 'the command did not start');
        this.inputs.post({ kind: 'not_started', jobId, reason });
      },
      ended: async (outcome) => {
        const { exitCode, signal, durationMs } = outcome;
        this.parts.log.info(
          { job: jobId, exit_code: exitCode, signal, duration_ms: durationMs },
          'the command ended',
        );
        await live?.finish();
        this.live = undefined;
        this.inputs.post({ kind: 'ended', jobId, outcome });
      },
    });
  }

  private async sendLive(jobId: string, chunk: OutputChunk): Promise<boolean> {
    try {
      const sending = this.session?.send((stamp) => outputMessage(this.parts.identity, jobId, chunk, stamp));
      return (await sending) === true;
    } catch (thrown) {
      this.onBug(thrown);
      return false; // the result of the command must not wait for this
    }
  }

  private openSession(config: SessionConfig): void {
    const { curve, clock, log } = this.parts;
    const previous = this.session;
    const presence = previous?.presence ?? BELIEVED_ONLINE;
    log.info({ server: config.commandAddress, server_incarnation: config.serverIncarnation }, 'connecting');
    const session: ServerSession = new ServerSession({
      config,
      curve,
      presence,
      clock,
      log,
      events: {
        connected: () => this.onConnected(),
        command: (command) => this.onCommand(command),
        beat: () => {
          if (this.outbox.length > 0) this.deliver(); // there was no room for it in the connection before
          this.beat();
        },
        presence: (mode) => this.onPresence(mode),
        serverRestarted: () => this.onServerRestarted(config),
        unheard: (reason) => this.onTrouble(reason),
      },
    });
    this.session = session;
    if (previous !== undefined) this.background(previous.close());
    this.lifetime?.cancel();
    const lifetimeMs = config.lifetimeMs * (1 - Math.random() / 10);
    this.lifetime = setLongTimer(lifetimeMs, () => this.refresh.request('the config is old', 0));
    if (presence.mode === 'offline') this.onTrouble('the server is still silent', true);
  }

  /** The first message of a connection: what waited, or else a heartbeat. Output must be asked for anew. */
  private onConnected(): void {
    this.parts.log.info('connected');
    this.live?.sender.setPace(0);
    if (this.outbox.length > 0) this.deliver();
    else if (this.session?.presence.mode === 'online') this.beat();
  }

  private onCommand(command: CommandMessage): void {
    this.troubles = 0;
    switch (command.type) {
      case 'ack':
        return;
      case 'abort':
        return this.inputs.post({ kind: 'abort' });
      case 'run':
        return this.inputs.post({ kind: 'run', jobId: command.job_id });
      case 'output_wanted': {
        const { job_id: jobId, every_ms: everyMs } = command;
        return this.inputs.post({ kind: 'output_wanted', jobId, everyMs });
      }
      case 'commit': {
        const { job_id: jobId, command: name, user, dir, env = {}, file, capture = false } = command;
        const order = { jobId, command: name, user, dir, env, file, capture };
        return this.inputs.post({ kind: 'commit', order });
      }
    }
  }

  private onPresence(mode: 'online' | 'offline'): void {
    this.parts.log[mode === 'online' ? 'info' : 'warn']({ server: mode }, 'the heartbeats of the server');
    if (mode === 'offline') this.onTrouble('the heartbeats of the server stopped', true);
    else {
      this.troubles = 0;
      this.refresh.withdraw();
      this.beat();
    }
  }

  private onServerRestarted(config: SessionConfig): void {
    if (this.refresh.isPending) return;
    this.refresh.request('the server is another process now', Math.random() * config.intervalMs);
  }

  /** Something is wrong with the server, and another config may mend it; `passing` where it may mend itself. */
  private onTrouble(reason: string, passing = false): void {
    if (this.refresh.isPending) return;
    this.troubles++;
    const firstMs = Math.max(TROUBLE_BACKOFF.firstMs, this.session?.config.intervalMs ?? 0);
    const delayMs = backoffMs(this.troubles, { ...TROUBLE_BACKOFF, firstMs }, Math.random());
    this.refresh.request(reason, delayMs, passing);
  }

  private onConfigFault({ kind, reason }: ConfigFault): void {
    if (kind === 'unencrypted' && this.session === undefined) {
      this.refresh.stop();
      this.over.reject(new AppError('server_unencrypted', reason));
      return;
    }
    this.parts.log[kind === 'away' ? 'warn' : 'error'](
      { reason },
      'the server gave no config; it will be asked again',
    );
  }

  private beat(): void {
    const { identity } = this.parts;
    const everyMs = this.live?.sender.everyMs;
    const sending = this.session?.send((stamp) => heartbeatMessage(identity, this.machine, everyMs, stamp));
    if (sending !== undefined) this.background(sending);
  }

  /** The longest message that we may send and the server takes. */
  private get maxBytes(): number {
    const { maxBodySize } = this.parts;
    return Math.min(maxBodySize, this.session?.config.maxBodySize ?? maxBodySize);
  }

  private say(reply: JobReply): void {
    this.outbox.push(reply);
    if (this.outbox.length > OUTBOX_LIMIT) this.outbox.shift();
    this.deliver();
  }

  private deliver(): void {
    if (!this.delivering) this.delivery = this.deliverAll().catch((thrown: unknown) => this.onBug(thrown));
  }

  /** Sends what waits, in order; what cannot be sent now waits for the next connection. */
  private async deliverAll(): Promise<void> {
    const { identity } = this.parts;
    this.delivering = true;
    try {
      for (let [reply] = this.outbox; reply !== undefined; [reply] = this.outbox) {
        const message = reply;
        const context = {
          maxBytes: this.maxBytes,
          outputEveryMs: this.live?.sender.everyMs,
        };
        const sent = await this.session?.send((stamp) => jobMessage(identity, message, stamp, context));
        if (sent !== true) return;
        this.outbox.shift();
      }
    } finally {
      this.delivering = false;
    }
  }

  private async closeDown(): Promise<void> {
    this.lifetime?.cancel();
    await Promise.all([this.delivery, ...this.cleanups]);
    await this.session?.close(FAREWELL_MS);
    this.over.resolve();
  }

  private cleanUp(jobId: string): void {
    const cleanup = this.parts.runner
      .discard(jobId)
      .catch((thrown: unknown) => this.onBug(thrown))
      .finally(() => this.cleanups.delete(cleanup));
    this.cleanups.add(cleanup);
  }

  private background(work: Promise<unknown>): void {
    work.catch((thrown: unknown) => this.onBug(thrown));
  }

  private onBug(thrown: unknown): void {
    this.parts.log.error({ err: thrown }, `a fault of the program: ${messageOf(thrown)}`);
  }
}
