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
import type { OutputOutcome, OutputWatcher } from '../jobs.port.js';
import { HeartbeatReconciler, type ReconcileResult } from './heartbeat-reconciler.js';
import { type ExecutorInput, JobExecutor, type NodeInput } from './job-executor.js';
import { JobFeed } from './job-feed.js';
import { JobNodes } from './job-nodes.js';
import { JobOutput } from './job-output.js';
import { isResult, nodeDetailsOf } from './job-persistence.js';
import type { JobRecord } from './job-record.js';
import type { LiveJobContext } from './live-job-context.js';

/** Milliseconds since 1970; `run` is unknown until the job runs. */
export interface JobDeadlines {
  readonly voting: number;
  readonly run?: number | undefined;
}

type QueuedInput =
  | ExecutorInput
  | { readonly type: 'message'; readonly node: string; readonly message: JobMessage }
  | {
      readonly type: 'heartbeat';
      readonly node: string;
      readonly message: HeartbeatMessage;
      readonly firstOnConnection: boolean;
    };

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
  /** Until `start` has looked at all nodes: those that went down meanwhile, and why. */
  private downDuringStart: Map<string, string> | undefined;

  constructor(
    readonly record: JobRecord,
    nodes: Map<string, NodeStatus>,
    private readonly context: LiveJobContext,
    recovered?: { readonly status: JobStatus; readonly feed: JobFeed; readonly updatedAt: number },
  ) {
    const onError = (thrown: unknown): void =>
      context.logger.error({ job: record.id, err: thrown }, 'cannot handle an input of a job');
    this.nodes = new JobNodes(record.orgId, nodes);
    this.feed = recovered?.feed ?? new JobFeed(record.id, context.store, onError);
    this.output = new JobOutput(record, context);
    const unseen = recovered === undefined ? [] : this.nodes.withStatus(['new', 'ready', 'running']);
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
    if (recovered === undefined) this.downDuringStart = new Map();
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
   * Sends `commit` to all available nodes, and takes the others as down. They have `votingMs` milliseconds to vote from
   * then on. Resolves when all nodes are asked; inputs for the nodes that are down may wait in the mailbox.
   */
  async start(votingMs: number): Promise<void> {
    this.executor.emitStart();
    const { nodeDirectory, clock } = this.context;
    const available: NodeAddress[] = [];
    const unavailable: NodeAddress[] = [];
    // A node that went down before this loop reaches it is unavailable by then: only later changes count.
    const downDuringStart = (this.downDuringStart = new Map<string, string>());
    await forEachInSlices(this.nodes.names(), (node) => {
      const address = this.nodes.addressOf(node);
      (nodeDirectory.isAvailable(address) ? available : unavailable).push(address);
    });
    this.downDuringStart = undefined;
    const isAborted = this.executor.hasOutcome;
    if (isAborted) return;
    this.executor.sendCommit(available);
    this.executor.setTimer(clock.now() + votingMs, 'voting_timeout');
    for (const { node } of unavailable) downDuringStart.delete(node);
    this.mailbox.postAll(this.downInputs(unavailable));
    for (const [node, reason] of downDuringStart) this.nodeDown(node, reason);
  }

  /** Continues after a server restart with the stored deadlines. A job that is over only completes its feed. */
  resume(deadlines: JobDeadlines): void {
    if (!this.isOver) {
      if (this.feed.isEmpty) this.executor.emitStart();
      if (this.executor.phase === 'voting') this.executor.setTimer(deadlines.voting, 'voting_timeout');
      else this.executor.setTimer(deadlines.run ?? deadlines.voting, 'run_timeout');
    }
    this.mailbox.post({ type: 'recovered' });
  }

  /** Takes a message of a node that is in this job. */
  receiveMessage(node: string, message: JobMessage): void {
    this.mailbox.post({ type: 'message', node, message });
  }

  receiveHeartbeat(node: string, message: HeartbeatMessage, firstOnConnection: boolean): void {
    if (!this.isNodeLive(node)) return;
    this.mailbox.post({ type: 'heartbeat', node, message, firstOnConnection });
  }

  /** Forwards live output of a node that is in this job. It changes nothing, so it does not wait in the mailbox. */
  receiveOutput(node: string, message: OutputMessage): OutputOutcome {
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

  /** The node went down, or does not do this job any more. */
  nodeDown(node: string, reason: string): void {
    if (this.downDuringStart === undefined) this.mailbox.post(downInput(node, reason));
    else this.downDuringStart.set(node, reason);
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
        return this.handleMessage(queued.node, queued.message);
      case 'heartbeat':
        return this.handleHeartbeat(queued.node, queued.message, queued.firstOnConnection);
      default:
        return this.executor.apply(queued);
    }
  }

  private handleMessage(node: string, message: JobMessage): void {
    if (!isKeptResult(message)) return this.applyMessage(node, message);
    // A node with a result does nothing for this job any more: a late or repeated one needs neither event nor rehab.
    if (this.isNodeLive(node)) this.applyMessage(node, message);
    else if (this.statusOf(node) !== message.type) this.executor.persistence.saveCapturedOutput(node, message);
    this.context.confirmations.confirmWhenStored(this.nodes.addressOf(node), this.record.id);
  }

  private applyMessage(node: string, message: JobMessage): void {
    const isFirstSinceRestart = this.reconciler.messageReceived(node);
    this.executor.persistence.saveCapturedOutput(node, message);
    const isReady = this.executor.phase === 'running' && this.statusOf(node) === 'ready';
    // The server stopped before it had stored that this node had started, or the client before it could report it.
    const missedStart = (isFirstSinceRestart && isResult(message)) || isKeptResult(message);
    if (isReady && missedStart) this.executor.applyToNode(node, 'ack_run');
    this.executor.applyToNode(node, message.type, nodeDetailsOf(message));
    if (message.type === 'ack_run') this.noteOutputInterval(node, message.output_every_ms);
  }

  private handleHeartbeat(node: string, message: HeartbeatMessage, firstOnConnection: boolean): void {
    const status = this.statusOf(node);
    if (status === undefined || !this.isNodeLive(node) || this.executor.hasOutcome) return;
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

  /** Looks up each reason when the mailbox asks for it: very many nodes may be down. */
  private *downInputs(addresses: readonly NodeAddress[]): Generator<NodeInput> {
    for (const address of addresses) {
      yield downInput(address.node, this.context.nodeDirectory.unavailabilityReason(address) ?? 'gone');
    }
  }
}

const downInput = (node: string, reason: string): NodeInput => ({
  type: 'node',
  node,
  input: 'down',
  details: { reason },
});
