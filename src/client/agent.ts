import type { Logger } from 'pino';
import { type AppError, messageOf } from '../shared/lib/app-error.js';
import type { Clock } from '../shared/lib/clock.js';
import { deferred } from '../shared/lib/deferred.js';
import { Mailbox } from '../shared/lib/mailbox.js';
import type { Result } from '../shared/lib/result.js';
import { setLongTimer } from '../shared/lib/timer.js';
import type { CurveKeyPair } from '../shared/protocol/curve-key.js';
import type { CommandMessage } from '../shared/protocol/server-message.js';
import {
  type ClientIdentity,
  heartbeatMessage,
  jobMessage,
  outputMessage,
} from './domain/client-messages.js';
import {
  initialJobMachine,
  type JobAssignment,
  type JobEffect,
  type JobInput,
  type JobMachine,
  type JobReport,
  reduceJob,
} from './domain/job-machine.js';
import { maxChunkBytes, type OutputChunk } from './domain/live-output.js';
import { JobPreparer, type PreparationOutcome } from './job/job-preparer.js';
import type { JobRunner } from './job/job-runner.js';
import { LiveOutputSender } from './job/live-output-sender.js';
import type { KeptResults } from './job/kept-results.js';
import { ReportSender } from './report-sender.js';
import type { ConfigFetchFailure } from './server/config-fetch.js';
import type { ConnectionConfig } from './server/connection-config.js';
import { ConnectionManager } from './server/connection-manager.js';

export interface AgentOptions {
  readonly identity: ClientIdentity;
  readonly curve: CurveKeyPair;
  readonly fetchConfig: (signal: AbortSignal) => Promise<Result<ConnectionConfig, ConfigFetchFailure>>;
  readonly runner: JobRunner;
  readonly results: KeptResults;
  /** Jobs that earlier processes of this client started. */
  readonly startedJobs: readonly string[];
  /** Maximum length of a message to the server, in bytes. */
  readonly maxBodySize: number;
  /** Milliseconds between TERM and KILL when a command is ended. */
  readonly killGraceMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long the last messages may take to leave when the client stops. */
const CLOSE_LINGER_MS = 1000;

/** Maximum time to stop, in addition to the kill grace period of the command. */
const STOP_MARGIN_MS = 4000;

/**
 * Runs jobs for the server. It owns the job machine, feeds it with all inputs one after the other, and executes its
 * effects with the job runner and the connection manager.
 */
export class Agent {
  private machine: JobMachine;
  private readonly inputs = new Mailbox<JobInput>(
    (input) => this.step(input),
    (thrown) => this.onBug(thrown),
  );
  private readonly connections: ConnectionManager;
  private readonly reports: ReportSender;
  private readonly preparer: JobPreparer;
  private readonly cleanups = new Set<Promise<void>>();
  /** Live output of the running command, if the server can request it. */
  private live: { readonly jobId: string; readonly sender: LiveOutputSender } | undefined;
  private readonly over = deferred();

  constructor(private readonly options: AgentOptions) {
    this.machine = initialJobMachine(options.startedJobs);
    const { curve, fetchConfig, clock, log } = options;
    this.reports = new ReportSender({
      results: options.results,
      send: (report, ackWanted) => this.sendReport(report, ackWanted),
      confirmsResults: () => this.confirmsResults,
      onBug: (thrown) => this.onBug(thrown),
    });
    this.preparer = new JobPreparer(
      options.runner,
      (outcome) => this.onPrepared(outcome),
      (thrown) => this.onBug(thrown),
    );
    this.connections = new ConnectionManager({
      curve,
      fetchConfig,
      clock,
      log,
      isNodeIdle: () => this.machine.mode === 'idle',
      events: {
        connected: () => this.onConnected(),
        command: (command) => this.onCommand(command),
        heartbeatDue: () => {
          this.reports.retry();
          this.sendHeartbeat();
        },
        serverBack: () => this.sendHeartbeat(),
        failed: (error: AppError) => this.over.reject(error),
        bug: (thrown) => this.onBug(thrown),
      },
    });
  }

  /** Connects to the server and serves it. Resolves after `stop`; rejects if the settings do not allow this server. */
  run(): Promise<void> {
    this.connections.refetchConfig('the client starts');
    return this.over.promise;
  }

  /** Ends the running command with all its processes, reports to the server, and ends the agent. */
  stop(): void {
    this.connections.stopRefresh();
    setLongTimer(this.options.killGraceMs + STOP_MARGIN_MS, () => this.over.resolve());
    this.inputs.post({ kind: 'shutdown' });
  }

  /** Fetches the config again, and uses it as soon as no job is in progress. */
  refetchConfig(reason: string): void {
    this.connections.refetchConfig(reason);
  }

  private step(input: JobInput): void {
    const before = this.machine.mode;
    const { machine, effects } = reduceJob(this.machine, input);
    this.machine = machine;
    if (before !== machine.mode) {
      this.options.log.info(
        { job: machine.jobId, from: before, to: machine.mode, by: input.kind },
        'job state',
      );
    }
    for (const effect of effects) this.execute(effect);
    if (machine.mode === 'idle') this.connections.onNodeIdle();
  }

  private execute(effect: JobEffect): void {
    switch (effect.kind) {
      case 'report':
        return this.reports.add(effect.report);
      case 'prepare':
        return this.prepare(effect.assignment);
      case 'start':
        return this.inBackground(this.start(effect.jobId));
      case 'stop':
        return this.inBackground(this.options.runner.stop(effect.jobId));
      case 'send_output':
        if (this.live?.jobId === effect.jobId) this.live.sender.setIntervalMs(effect.intervalMs);
        return;
      case 'discard':
        return this.discard(effect.jobId);
      case 'exit':
        return this.inBackground(this.close());
    }
  }

  private prepare(assignment: JobAssignment): void {
    const reason = this.reports.declineReason();
    if (reason === undefined) this.inBackground(this.preparer.prepare(assignment));
    else this.onPrepared({ kind: 'declined', jobId: assignment.jobId, reason });
  }

  private onPrepared(outcome: PreparationOutcome): void {
    if (outcome.kind === 'declined') {
      this.options.log.warn({ job: outcome.jobId, reason: outcome.reason }, 'the job is declined');
    }
    this.inputs.post(outcome);
  }

  private start(jobId: string): Promise<void> {
    const { runner, log } = this.options;
    const live = this.openLiveOutput(jobId);
    return runner.start(jobId, {
      output: (stream, data) => live?.add(stream, data),
      started: () => this.inputs.post({ kind: 'started', jobId }),
      startFailed: (reason) => {
        this.live = undefined;
        log.error({ job: jobId, reason }, 'the command did not start');
        this.inputs.post({ kind: 'start_failed', jobId, reason });
      },
      isResultKept: () => this.confirmsResults && this.machine.mode === 'running',
      ended: async (result) => {
        const { exitCode, signal, durationMs } = result;
        log.info({ job: jobId, exit_code: exitCode, signal, duration_ms: durationMs }, 'the command ended');
        await live?.finish();
        this.live = undefined;
        this.inputs.post({ kind: 'ended', jobId, result });
      },
    });
  }

  private openLiveOutput(jobId: string): LiveOutputSender | undefined {
    const canBeRequested =
      this.connections.config?.supportsLiveOutput === true && this.options.runner.captures(jobId);
    const sender = canBeRequested
      ? new LiveOutputSender((chunk) => this.sendOutput(jobId, chunk), maxChunkBytes(this.maxBytes))
      : undefined;
    this.live = sender && { jobId, sender };
    return sender;
  }

  private discard(jobId: string): void {
    const cleanup = this.options.runner
      .discard(jobId)
      .catch((thrown: unknown) => this.onBug(thrown))
      .finally(() => this.cleanups.delete(cleanup));
    this.cleanups.add(cleanup);
  }

  private async close(): Promise<void> {
    await Promise.all([this.reports.settled(), ...this.cleanups]);
    await this.connections.close(CLOSE_LINGER_MS);
    this.over.resolve();
  }

  /** Sends the first message of a connection: a waiting report, or else a heartbeat. */
  private onConnected(): void {
    this.options.log.info('connected');
    this.live?.sender.setIntervalMs(0); // the server requests live output again for each connection
    this.inBackground(this.reports.connectionOpened().then((sends) => sends || this.sendHeartbeat()));
  }

  /** Whether the server confirms results that it has stored. */
  private get confirmsResults(): boolean {
    return this.connections.config?.supportsResultAck === true;
  }

  private onCommand(command: CommandMessage): void {
    switch (command.type) {
      case 'ack':
        return;
      case 'result_stored':
        return this.inBackground(this.options.results.confirmed(command.job_id));
      case 'result_unknown':
        return this.inBackground(this.options.results.rejected(command.job_id));
      case 'abort':
        return this.inputs.post({ kind: 'abort' });
      case 'run':
        return this.inputs.post({ kind: 'run', jobId: command.job_id });
      case 'output_wanted': {
        const { job_id: jobId, every_ms: intervalMs } = command;
        return this.inputs.post({ kind: 'output_wanted', jobId, intervalMs });
      }
      case 'commit': {
        const { job_id: jobId, command: name, user, dir, env = {}, file, capture = false } = command;
        const assignment = { jobId, command: name, user, dir, env, file, capture };
        return this.inputs.post({ kind: 'commit', assignment });
      }
    }
  }

  private sendHeartbeat(): void {
    const { identity } = this.options;
    const intervalMs = this.live?.sender.intervalMs;
    this.inBackground(
      this.connections.send((stamp) => heartbeatMessage(identity, this.machine, intervalMs, stamp)),
    );
  }

  private sendReport(report: JobReport, ackWanted: boolean): Promise<boolean> {
    const context = { maxBytes: this.maxBytes, outputIntervalMs: this.live?.sender.intervalMs, ackWanted };
    return this.connections.send((stamp) => jobMessage(this.options.identity, report, stamp, context));
  }

  private async sendOutput(jobId: string, chunk: OutputChunk): Promise<boolean> {
    try {
      return await this.connections.send((stamp) =>
        outputMessage(this.options.identity, jobId, chunk, stamp),
      );
    } catch (thrown) {
      this.onBug(thrown);
      return false; // a failure must not delay the result of the command
    }
  }

  /** Maximum length of a message that both we and the server allow. */
  private get maxBytes(): number {
    const { maxBodySize } = this.options;
    return Math.min(maxBodySize, this.connections.config?.maxBodySize ?? maxBodySize);
  }

  private inBackground(work: Promise<unknown>): void {
    work.catch((thrown: unknown) => this.onBug(thrown));
  }

  private onBug(thrown: unknown): void {
    this.options.log.error({ err: thrown }, `unexpected error: ${messageOf(thrown)}`);
  }
}
