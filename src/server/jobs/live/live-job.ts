import { SlicedMailbox } from '../../../shared/lib/sliced-mailbox.js';
import { forEachInSlices } from '../../../shared/lib/time-slices.js';
import {
  type HeartbeatMessage,
  isKeptResult,
  type JobMessage,
  type OutputMessage,
} from '../../../shared/protocol/client-message.js';
import type { JobStatus, NodeStatus } from '../../../shared/protocol/job-status.js';
import type { NodeAddress } from '../../../shared/protocol/node-address.js';
import type { Silence } from '../../nodes/nodes.port.js';
import type { OutputOutcome, OutputWatcher } from '../jobs.port.js';
import { HeartbeatReconciler, type ReconcileResult } from './heartbeat-reconciler.js';
import { type ExecutorInput, JobExecutor, type NodeInput } from './job-executor.js';
import { JobFeed } from './job-feed.js';
import { JobNodes } from './job-nodes.js';
import { JobOutput } from './job-output.js';
import { isResult, nodeDetailsOf } from './job-persistence.js';
import type { JobRecord } from './job-record.js';
import type { LiveJobContext } from './live-job-context.js';
import { nodeInput, OFFLINE_REASON, unavailableInputs } from './node-inputs.js';
import { SilentNodes } from './silent-nodes.js';

/** Milliseconds since 1970; `run` is unknown until the job runs. */
export interface JobDeadlines {
  readonly voting: number;
  readonly run?: number | undefined;
}

type QueuedInput =
  | ExecutorInput
  | {
      readonly type: 'message';
      readonly node: string;
      readonly message: JobMessage;
      readonly firstOnConnection: boolean;
    }
  | {
      readonly type: 'heartbeat';
      readonly node: string;
      readonly message: HeartbeatMessage;
      readonly firstOnConnection: boolean;
    }
  | { readonly type: 'contact_lost'; readonly node: string };

const LIVE_STATUSES: readonly NodeStatus[] = ['new', 'ready', 'running'];

/**
 * A live job, or one that has just ended. Everything that can change it goes through one mailbox: inputs are handled
 * one by one, in the order in which they came.
 */
export class LiveJob {
  readonly feed: JobFeed;
  private readonly nodes: JobNodes;
  private readonly output: JobOutput;
  private readonly reconciler: HeartbeatReconciler;
  private readonly executor: JobExecutor;
  private readonly mailbox: SlicedMailbox<QueuedInput>;
  private readonly silent = new SilentNodes();
  /** Until `start` has asked all nodes: what happened to nodes meanwhile. */
  private duringStart: Map<string, NodeInput> | undefined;

  constructor(
    readonly record: JobRecord,
    nodes: Map<string, NodeStatus>,
    private readonly context: LiveJobContext,
    recovered?: { readonly status: JobStatus; readonly feed: JobFeed; readonly updatedAt: number },
  ) {
    const onError = (thrown: unknown): void =>
      context.logger.error({ job: record.id, err: thrown }, 'cannot handle an input of a job');
    this.nodes = new JobNodes(record.orgId, nodes);
    this.feed = recovered?.feed ?? new JobFeed(record, context.store, onError);
    this.output = new JobOutput(record, context);
    const unseen = recovered === undefined ? [] : this.nodes.withStatus(LIVE_STATUSES);
    const notSeenSinceRestart = new Set(unseen.map(({ node }) => node));
    this.reconciler = new HeartbeatReconciler(record.id, context.heartbeatIntervalMs, notSeenSinceRestart);
    this.mailbox = new SlicedMailbox((queued) => this.handle(queued), onError, context.slices);
    const components = {
      nodes: this.nodes,
      feed: this.feed,
      output: this.output,
      reconciler: this.reconciler,
      queue: this.mailbox,
    };
    this.executor = new JobExecutor(record, context, components, recovered);
    if (recovered === undefined) this.duringStart = new Map();
  }

  get status(): JobStatus {
    return this.executor.status;
  }

  /** The status at the moment of the nodes' statuses; its end may not be stored yet. */
  get statusNow(): JobStatus {
    return this.executor.statusNow;
  }

  get isOver(): boolean {
    return this.executor.isOver;
  }

  get updatedAt(): number {
    return this.executor.persistence.updatedAt;
  }

  /** Resolves when the end of the job is stored and visible. */
  get ended(): Promise<void> {
    return this.executor.ended;
  }

  /**
   * Sends `commit` to all available nodes; the others are unavailable. They have `votingMs` milliseconds to vote from then
   * on. Resolves when all nodes are asked; inputs for unavailable nodes may wait in the mailbox.
   */
  async start(votingMs: number): Promise<void> {
    this.executor.emitStart();
    const { nodeDirectory, clock } = this.context;
    const available: NodeAddress[] = [];
    const unavailable: NodeAddress[] = [];
    // What happened to a node before this loop reaches it is known by then: only later changes count.
    const duringStart = (this.duringStart = new Map<string, NodeInput>());
    await forEachInSlices(this.nodes.names(), (node) => {
      const address = this.nodes.addressOf(node);
      (nodeDirectory.isAvailable(address) ? available : unavailable).push(address);
    });
    this.duringStart = undefined;
    const isAborted = this.executor.hasOutcome;
    if (isAborted) return;
    this.executor.sendCommit(available);
    this.executor.setTimer(clock.now() + votingMs, 'voting_timeout');
    for (const { node } of unavailable) duringStart.delete(node);
    this.mailbox.postAll(unavailableInputs(unavailable, nodeDirectory));
    for (const input of duringStart.values()) this.mailbox.post(input);
  }

  /**
   * Continues after a server restart with the stored deadlines. No node was heard since `silence` began. A job that is over
   * only completes its feed.
   */
  resume(deadlines: JobDeadlines, silence: Silence): void {
    if (!this.isOver) {
      this.silent.serverRestarted(this.nodes.withStatus(LIVE_STATUSES), silence);
      if (this.feed.isEmpty) this.executor.emitStart();
      if (this.executor.phase === 'voting') this.executor.setTimer(deadlines.voting, 'voting_timeout');
      else this.executor.setTimer(deadlines.run ?? deadlines.voting, 'run_timeout');
    }
    this.mailbox.post({ type: 'recovered' });
  }

  /** Takes a message of a node that is in this job. */
  receiveMessage(node: string, message: JobMessage, firstOnConnection: boolean): void {
    this.silent.heard(node);
    this.mailbox.post({ type: 'message', node, message, firstOnConnection });
  }

  receiveHeartbeat(node: string, message: HeartbeatMessage, firstOnConnection: boolean): void {
    if (!this.isNodeLive(node)) return;
    this.silent.heard(node);
    this.mailbox.post({ type: 'heartbeat', node, message, firstOnConnection });
  }

  /** Forwards live output of a node that is in this job. It changes nothing, so it does not wait in the mailbox. */
  receiveOutput(node: string, message: OutputMessage): OutputOutcome {
    this.silent.heard(node);
    const isRunning = this.executor.phase === 'running' && this.statusOf(node) === 'running';
    if (!isRunning || !this.record.capture) return 'not_running';
    return this.output.forward(node, message, this.feed.lastNumber);
  }

  /**
   * Sends live output to the watcher until the returned function is called. Undefined if the job is over or does not
   * capture output.
   */
  watchOutput(watcher: OutputWatcher): (() => void) | undefined {
    return this.isOver || !this.record.capture ? undefined : this.output.watch(watcher);
  }

  /** How many streams of live output there may be: one for each live node and each reader. */
  get outputStreams(): number {
    return (this.output.watcher?.readers ?? 0) * this.executor.liveNodeCount;
  }

  /** The node does not do this job any more. */
  nodeDown(node: string, reason: string): void {
    this.postUnlessStarting(nodeInput(node, 'down', reason));
  }

  nodeOffline(node: string, silence: Silence): void {
    if (!this.isNodeLive(node)) return;
    this.silent.wentOffline(node, silence);
    this.postUnlessStarting(nodeInput(node, 'offline', OFFLINE_REASON));
  }

  /** Whether the job has silent nodes. */
  get hasSilentNodes(): boolean {
    return !this.isOver && this.silent.size > 0;
  }

  /** When a live node of this job was last heard, if it is silent: milliseconds since 1970. */
  noContactSince(node: string): number | undefined {
    return this.isNodeLive(node) ? this.silent.find(node)?.lastSeenAt : undefined;
  }

  /** Ends the job nodes whose nodes are silent for too long. `now` is a time on the monotonic clock. */
  endLostContacts(now: number): void {
    const statusOf = (node: string): NodeStatus | undefined => this.statusOf(node);
    for (const node of this.silent.overdue(now, statusOf, this.context.lostContactMs))
      this.mailbox.post({ type: 'contact_lost', node });
  }

  /** Aborts the job. Returns false if it has ended or is about to end by itself. */
  requestAbort(): boolean {
    if (this.executor.hasOutcome || this.isOver) return false;
    this.mailbox.post({ type: 'abort_requested' });
    return true;
  }

  statusOf(node: string): NodeStatus | undefined {
    return this.nodes.statusOf(node);
  }

  /** Whether the node is in this job and has no final status. */
  isNodeLive(node: string): boolean {
    return this.nodes.isLive(node);
  }

  /** Returns the nodes with their statuses, by name. */
  nodeStatuses(): IterableIterator<[node: string, status: NodeStatus]> {
    return this.nodes.entries();
  }

  /** Stops the job because the server stops; its stored state stays as it is. */
  stop(): void {
    this.executor.cancelTimer();
    this.mailbox.dropBatches();
  }

  private handle(queued: QueuedInput): void {
    switch (queued.type) {
      case 'message':
        return this.handleMessage(queued.node, queued.message, queued.firstOnConnection);
      case 'heartbeat':
        return this.handleHeartbeat(queued.node, queued.message, queued.firstOnConnection);
      case 'contact_lost':
        return this.handleContactLost(queued.node);
      default:
        return this.executor.apply(queued);
    }
  }

  private postUnlessStarting(input: NodeInput): void {
    if (this.duringStart === undefined) this.mailbox.post(input);
    else this.duringStart.set(input.node, input);
  }

  private handleContactLost(node: string): void {
    const silence = this.silent.take(node);
    if (silence === undefined || !this.isNodeLive(node) || this.executor.hasOutcome) return; // heard or ended meanwhile
    const reason = `no contact since ${new Date(silence.lastSeenAt).toISOString()}`;
    const mayRun = this.executor.phase === 'running';
    const details = mayRun ? { reason, lostContactAt: this.context.clock.now() } : { reason };
    this.executor.applyToNode(node, 'contact_lost', details);
    if (mayRun) this.context.onContactLost(this.record, node, this.executor.phaseDeadline);
  }

  private handleMessage(node: string, message: JobMessage, firstOnConnection: boolean): void {
    if (!isKeptResult(message)) return this.applyMessage(node, message, firstOnConnection);
    // A node with a result does nothing for this job any more: a late or repeated one needs neither event nor rehab.
    if (this.isNodeLive(node)) this.applyMessage(node, message, firstOnConnection);
    else if (this.statusOf(node) !== message.type)
      this.executor.persistence.saveCapturedOutput(node, message);
    this.context.confirmations.confirmWhenStored(this.nodes.addressOf(node), this.record.id);
  }

  private applyMessage(node: string, message: JobMessage, firstOnConnection: boolean): void {
    const isStartLost = this.reconciler.messageReceived(node, firstOnConnection);
    if (this.reconciler.isRepeatedVote(node, message.type, this.statusOf(node))) return;
    this.executor.persistence.saveCapturedOutput(node, message);
    const isReady = this.executor.phase === 'running' && this.statusOf(node) === 'ready';
    // A client that keeps its result was perhaps started again before it could report the start.
    const missedStart = (isStartLost && isResult(message)) || isKeptResult(message);
    if (isReady && missedStart) this.executor.applyToNode(node, 'ack_run');
    this.executor.applyToNode(node, message.type, nodeDetailsOf(message));
    if (message.type === 'ack_run') this.noteOutputInterval(node, message.output_every_ms);
  }

  private handleHeartbeat(node: string, message: HeartbeatMessage, firstOnConnection: boolean): void {
    const status = this.statusOf(node);
    if (status === undefined || !this.isNodeLive(node) || this.executor.hasOutcome) return;
    if (this.duringStart !== undefined) return; // the nodes have not been asked yet
    const { phase } = this.executor;
    this.carryOut(node, this.reconciler.reconcile(node, phase, status, message, firstOnConnection));
    const isRunning = message.job_state === 'running' && message.job_id === this.record.id;
    if (isRunning) this.noteOutputInterval(node, message.output_every_ms);
  }

  private carryOut(node: string, result: ReconcileResult): void {
    const { executor } = this;
    if (typeof result === 'object') return executor.applyToNode(node, result.end, { reason: result.reason });
    switch (result) {
      case 'none':
        return;
      case 'assume_vote':
        return executor.applyToNode(node, 'ack_commit');
      case 'assume_started':
        return executor.applyToNode(node, 'ack_run');
      case 'resend_run':
        return executor.resendRun(node);
      case 'resend_commit':
        executor.applyToNode(node, 'commit_resent');
        return executor.sendCommit([this.nodes.addressOf(node)]);
    }
  }

  /** A node that reports how often it sends output can be asked for it. */
  private noteOutputInterval(node: string, everyMs: number | undefined): void {
    if (everyMs === undefined || !this.record.capture || !this.isNodeLive(node)) return;
    this.output.intervalReported(node, everyMs);
  }
}
