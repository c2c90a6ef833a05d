import { createPrivateKey } from 'node:crypto';
import type { ReportedJobState } from '../../src/shared/protocol/client-message.js';
import type { ConfigDocument } from '../../src/shared/protocol/config-document.js';
import type { CommandMessage, ServerHeartbeat } from '../../src/shared/protocol/server-message.js';
import { decryptSessionKey } from '../../src/shared/protocol/session-key.js';
import { ResultFates } from './result-fates.js';
import { RubyLikeSockets } from './ruby-like-sockets.js';
import type { NodeIdentity } from './server-under-test.js';

/** Times of the Ruby client that do not depend on the heartbeat interval, in seconds. */
const FIELD_SECONDS = {
  /** It waits so long for a message before it counts a turn of its receive loop. */
  turn: 1,
  /** It looks so often whether it has become idle and may fetch its config. */
  idlePoll: 5,
  /** After it has dropped a message it fetches its config. */
  afterFullQueue: 60,
  /** After a failed config request it tries again. */
  afterFailedFetch: 120,
} as const;

/** Turns of its receive loop without any command after which it fetches its config again. */
const MAX_TURNS_WITHOUT_COMMAND = 3;

/** How far a node has come in its job. */
export type RubyLikeStep = 'asked' | 'voted' | 'told to run' | 'started' | 'ended';

export interface RubyLikeNodeOptions {
  readonly org: string;
  readonly identity: NodeIdentity;
  readonly fetchConfig: () => Promise<ConfigDocument>;
  /** Heartbeat interval in milliseconds, and the one in the field that it stands for, in seconds. */
  readonly intervalMs: number;
  readonly fieldIntervalSeconds: number;
  /** Called at each step, before the node sends what belongs to it. */
  readonly onStep: (step: RubyLikeStep, jobId: string) => void;
}

/**
 * A node that behaves as the Ruby client 3.0.13 does when the server or the network fails (docs/spec/wire-protocol.md,
 * sections 1, 5, 6 and 8): it queues three messages, gives the server up after four missing heartbeats, reopens its
 * sockets, is silent meanwhile, and changes its config only while it is idle. Its commands exit with 0 when the test
 * ends them.
 */
export class RubyLikeNode {
  /** Number of starts by job id. */
  readonly runs = new Map<string, number>();
  /** Jobs whose command has ended with exit code 0. */
  readonly ended = new Set<string>();
  /** Jobs whose running command was killed by an abort. */
  readonly killed: string[] = [];
  readonly fates: ResultFates;

  private readonly sessionKeyOwner;
  private readonly incarnationId = crypto.randomUUID();
  private sockets: RubyLikeSockets | undefined;
  private document!: ConfigDocument;
  private serverIncarnation = '';
  private state: { readonly is: ReportedJobState; readonly jobId: string | null } = {
    is: 'idle',
    jobId: null,
  };
  private isServerOnline = true;
  private heardHeartbeats = 0;
  private missedHeartbeats = 0;
  private isListening = false;
  /** The server has sent it anything: before that it is patient, because connecting takes long on a busy machine. */
  private wasReached = false;
  private hasCommand = false;
  private turns = 0;
  private beat: NodeJS.Timeout | undefined;
  private turn: NodeJS.Timeout | undefined;
  private deadline: NodeJS.Timeout | undefined;
  private readonly pauses = new Set<NodeJS.Timeout>();
  private reconfigurations: Promise<void> = Promise.resolve();
  private isClosed = false;

  constructor(private readonly options: RubyLikeNodeOptions) {
    this.fates = new ResultFates(options.intervalMs);
    this.sessionKeyOwner = createPrivateKey(options.identity.key);
  }

  async start(): Promise<void> {
    this.document = await this.options.fetchConfig();
    this.openSockets();
    this.startHeartbeats();
  }

  /** Ends the running command of this job with exit code 0. */
  endCommand(jobId: string): void {
    if (this.state.is !== 'running' || this.state.jobId !== jobId) return;
    this.state = { is: 'idle', jobId: null };
    this.ended.add(jobId);
    this.options.onStep('ended', jobId);
    void this.sendResult(jobId);
  }

  close(): void {
    this.isClosed = true;
    for (const timer of [this.turn, this.deadline, ...this.pauses]) clearTimeout(timer);
    clearInterval(this.beat);
    this.fates.stop();
    this.sockets?.close();
  }

  private milliseconds(fieldSeconds: number): number {
    return (fieldSeconds * this.options.intervalMs) / this.options.fieldIntervalSeconds;
  }

  private openSockets(): void {
    this.sockets?.close();
    this.fates.closed();
    const { org, identity, intervalMs } = this.options;
    const { curve, name } = identity;
    const sessionKey = decryptSessionKey(this.sessionKeyOwner, this.document.encoded_session_key.key)!;
    const ifCurrent = (act: () => void): void => {
      if (this.sockets === sockets && !this.isClosed) act();
    };
    const sockets: RubyLikeSockets = new RubyLikeSockets({
      document: this.document,
      sessionKey,
      curve,
      reconnectMs: intervalMs / 3,
      common: {
        node: name,
        client: `${name}.example.com`,
        protocol_version: '2.0',
        org,
        incarnation_id: this.incarnationId,
      },
      onCommand: (command) => ifCurrent(() => this.received(() => this.handleCommand(command), true)),
      onHeartbeat: (heartbeat) =>
        ifCurrent(() => this.received(() => this.handleHeartbeat(heartbeat), false)),
      onConnected: () => ifCurrent(() => this.fates.connected()),
      onDisconnected: () => ifCurrent(() => this.fates.disconnected()),
    });
    this.sockets = sockets;
    this.isListening = true;
    this.hasCommand = false;
    this.turns = 0;
    this.waitForNextTurn();
  }

  private startHeartbeats(): void {
    clearInterval(this.beat);
    this.serverIncarnation = this.document.incarnation_id;
    this.isServerOnline = true;
    this.heardHeartbeats = 0;
    this.missedHeartbeats = 0;
    this.beat = setInterval(() => this.heartbeat(), this.options.intervalMs);
    this.heartbeat();
  }

  private heartbeat(): void {
    if (
      this.isServerOnline &&
      this.missedHeartbeats++ > this.document.push_jobs.heartbeat.offline_threshold
    ) {
      this.isServerOnline = false;
      this.heardHeartbeats = 0;
      this.openSockets();
    }
    if (this.isServerOnline)
      void this.send({ type: 'heartbeat', job_state: this.state.is, job_id: this.state.jobId });
  }

  /** One turn of the receive loop: with a message, or without one because none came in time. */
  private received(handle: () => void, isCommand: boolean): void {
    if (!this.isListening) return;
    if (isCommand) this.hasCommand = this.wasReached = true;
    handle();
    this.countTurn();
  }

  private waitForNextTurn(): void {
    clearTimeout(this.turn);
    this.turn = setTimeout(() => this.countTurn(), this.milliseconds(FIELD_SECONDS.turn));
  }

  private countTurn(): void {
    if (this.wasReached && !this.hasCommand && ++this.turns > MAX_TURNS_WITHOUT_COMMAND) {
      clearTimeout(this.turn);
      this.isListening = false; // until its sockets are opened again
      this.reconfigure();
    } else {
      this.waitForNextTurn();
    }
  }

  private handleHeartbeat({ incarnation_id: incarnation }: ServerHeartbeat): void {
    if (incarnation !== this.serverIncarnation) {
      this.serverIncarnation = incarnation;
      this.reconfigure();
    }
    this.missedHeartbeats = 0;
    if (!this.isServerOnline && this.heardHeartbeats > this.document.push_jobs.heartbeat.online_threshold)
      this.isServerOnline = true;
    else this.heardHeartbeats++;
  }

  private handleCommand(command: CommandMessage): void {
    switch (command.type) {
      case 'commit':
        return this.vote(command.job_id);
      case 'run':
        return this.run(command.job_id);
      case 'abort':
        return this.abort();
      case 'ack':
      case 'output_wanted': // sent only to clients that announce `output_every_ms`
      case 'result_stored': // sent only to clients that want their results confirmed
      case 'result_unknown':
    }
  }

  private vote(jobId: string): void {
    if (this.state.is !== 'idle') return void this.send({ type: 'nack_commit', job_id: jobId });
    this.options.onStep('asked', jobId);
    this.state = { is: 'committed', jobId };
    void this.send({ type: 'ack_commit', job_id: jobId });
    this.options.onStep('voted', jobId);
  }

  private run(jobId: string): void {
    if (this.state.is !== 'committed' || this.state.jobId !== jobId)
      return void this.send({ type: 'nack_run', job_id: jobId });
    this.options.onStep('told to run', jobId);
    this.state = { is: 'running', jobId };
    this.runs.set(jobId, (this.runs.get(jobId) ?? 0) + 1);
    void this.send({ type: 'ack_run', job_id: jobId });
    this.options.onStep('started', jobId);
  }

  private abort(): void {
    const { is, jobId } = this.state;
    if (is === 'running' && jobId !== null) this.killed.push(jobId);
    this.state = { is: 'idle', jobId: null };
    void this.send({ type: 'aborted', job_id: jobId });
  }

  private async sendResult(jobId: string): Promise<void> {
    this.fates.sent(jobId);
    if (!(await this.send({ type: 'succeeded', job_id: jobId }))) this.fates.dropped(jobId);
  }

  private async send(fields: object): Promise<boolean> {
    const isQueued = (await this.sockets?.send(fields)) ?? false;
    if (!isQueued) this.reconfigureIn(FIELD_SECONDS.afterFullQueue);
    return isQueued;
  }

  private reconfigureIn(fieldSeconds: number): void {
    if (this.isClosed) return;
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => this.reconfigure(), this.milliseconds(fieldSeconds));
  }

  /** Fetches its config as soon as it is idle, and opens its sockets again. */
  private reconfigure(): void {
    const waited = this.untilIdle();
    this.reconfigurations = this.reconfigurations.then(async () => {
      await waited;
      try {
        const document = await this.options.fetchConfig();
        if (this.isClosed) return;
        this.document = document;
        this.openSockets();
        this.startHeartbeats();
        clearTimeout(this.deadline);
      } catch {
        this.reconfigureIn(FIELD_SECONDS.afterFailedFetch);
      }
    });
  }

  private async untilIdle(): Promise<void> {
    while (this.state.is !== 'idle' && !this.isClosed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          this.pauses.delete(timer);
          resolve();
        }, this.milliseconds(FIELD_SECONDS.idlePoll));
        this.pauses.add(timer);
      });
    }
  }
}
