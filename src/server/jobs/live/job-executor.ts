import { deferred } from '../../../shared/lib/deferred.js';
import { setLongTimer, type Timer } from '../../../shared/lib/timer.js';
import { isJobOver, type JobStatus, type NodeStatus } from '../../../shared/protocol/job-status.js';
import type { JobEvent } from '../../../shared/protocol/feed-event.js';
import type { NodeAddress } from '../../../shared/protocol/node-address.js';
import type { NodeCommand } from '../../../shared/protocol/server-message.js';
import type { NodeDetails } from '../../persistence/batch-writer.port.js';
import { type JobEffect, type JobInput, type JobState, jobState, reduceJob } from '../domain/job-machine.js';
import type { JobNodeInput, JobPhase } from '../domain/job-node-machine.js';
import type { HeartbeatReconciler } from './heartbeat-reconciler.js';
import type { JobFeed } from './job-feed.js';
import type { JobNodes } from './job-nodes.js';
import type { JobOutput } from './job-output.js';
import { JobPersistence } from './job-persistence.js';
import { commitCommand, type JobRecord, startEventData } from './job-record.js';
import type { LiveJobContext } from './live-job-context.js';

/** An input for one node; the executor adds the node's state when it applies it. */
export interface NodeInput {
  readonly type: 'node';
  readonly node: string;
  readonly input: JobNodeInput;
  readonly details?: NodeDetails;
}

/** An input that changes the state of a job. */
export type ExecutorInput = Exclude<JobInput, { type: 'node' }> | NodeInput;

/** Queues inputs that follow from an effect. */
export interface InputQueue {
  post(input: ExecutorInput): void;
  postAll(inputs: Iterable<ExecutorInput>): void;
}

/** The components of a live job that effects act on. */
export interface JobComponents {
  readonly nodes: JobNodes;
  readonly feed: JobFeed;
  readonly output: JobOutput;
  readonly reconciler: HeartbeatReconciler;
  readonly queue: InputQueue;
}

/** At most this many node messages that change nothing emit events; the events of further ones are dropped. */
const MAX_NOOP_EVENTS_PER_NODE = 16;

/** Holds the state of one job, applies inputs to it, and executes the effects. The caller applies inputs one by one. */
export class JobExecutor {
  readonly persistence: JobPersistence;
  private state: JobState;
  private readonly noopEvents = new Map<string, number>();
  private readonly ending = deferred();
  private timer: Timer | undefined;
  /** When the current timer fires, on the monotonic clock. */
  private timerAt = 0;
  /** Whether it is stored that the job runs. No node may get `run` before that. */
  private isRunStored: boolean;

  /** `stored` is what a restarted server knows of the job. */
  constructor(
    private readonly record: JobRecord,
    private readonly context: LiveJobContext,
    private readonly components: JobComponents,
    stored?: { readonly status: JobStatus; readonly updatedAt: number },
  ) {
    const statuses = Array.from(components.nodes.entries(), ([, status]) => status);
    this.state = jobState(stored?.status ?? 'voting', record.quorum, statuses);
    this.isRunStored = stored?.status === 'running';
    const updatedAt = stored?.updatedAt ?? record.createdAt;
    this.persistence = new JobPersistence(record, context.store, context.clock, context.logger, updatedAt);
  }

  get status(): JobStatus {
    return this.state.status;
  }

  /** The status that goes with the statuses of the nodes: the outcome as soon as no node is live, stored or not. */
  get statusNow(): JobStatus {
    const { phase, outcome, status } = this.state;
    return phase === 'over' && outcome !== undefined ? outcome : status;
  }

  get phase(): JobPhase {
    return this.state.phase;
  }

  get isOver(): boolean {
    return isJobOver(this.state.status);
  }

  /** Resolves when the end of the job is stored and visible. */
  get ended(): Promise<void> {
    return this.ending.promise;
  }

  /** Whether it is decided how the job ends. */
  get hasOutcome(): boolean {
    return this.state.outcome !== undefined;
  }

  /** When the vote or the run must have ended, on the monotonic clock. */
  get phaseDeadline(): number {
    return this.timerAt;
  }

  get liveNodeCount(): number {
    const { tally } = this.state;
    return tally.new + tally.ready + tally.running;
  }

  /** Applies an input, and executes what follows from it. */
  apply(input: ExecutorInput): void {
    if (input.type === 'node') this.applyToNode(input.node, input.input, input.details);
    else this.reduce(input, undefined);
  }

  /** Applies an input for one node; ignores nodes that are not in the job. */
  applyToNode(node: string, input: JobNodeInput, details?: NodeDetails): void {
    const status = this.components.nodes.statusOf(node);
    if (status === undefined) return;
    const otherJobs = this.context.otherJobs(this.record, node);
    this.reduce({ type: 'node', node, status, input, otherJobs }, details);
  }

  emitStart(): void {
    this.emit({ name: 'start', data: startEventData(this.record, this.components.nodes.size) });
  }

  sendCommit(addresses: readonly NodeAddress[]): void {
    this.send(addresses, commitCommand(this.record, this.context.serverName));
  }

  /** Sends `run` to one node again, if it is stored that the job runs. */
  resendRun(node: string): void {
    if (!this.isRunStored) return;
    this.components.reconciler.runResent(node);
    this.sendRun([this.components.nodes.addressOf(node)]);
  }

  /** Applies the timeout at that time, milliseconds since 1970; replaces the timer that was set before. */
  setTimer(deadline: number, type: 'voting_timeout' | 'run_timeout'): void {
    this.timer?.cancel();
    const remainingMs = deadline - this.context.clock.now();
    this.timerAt = performance.now() + remainingMs;
    this.timer = setLongTimer(remainingMs, () => this.components.queue.post({ type }));
  }

  cancelTimer(): void {
    this.timer?.cancel();
  }

  private reduce(input: JobInput, details: NodeDetails | undefined): void {
    const { state, effects } = reduceJob(this.state, input);
    this.state = state;
    const limited = input.type === 'node' ? this.limitNoopEvents(input.node, effects) : effects;
    for (const effect of limited) this.execute(effect, details);
  }

  /** Keeps a node that repeats messages that change nothing from filling the feed. */
  private limitNoopEvents(node: string, effects: readonly JobEffect[]): readonly JobEffect[] {
    const isEvent = ({ type }: JobEffect): boolean => type === 'emit';
    if (effects.some(({ type }) => type === 'set_node') || !effects.some(isEvent)) return effects;
    const count = (this.noopEvents.get(node) ?? 0) + 1;
    this.noopEvents.set(node, count);
    return count > MAX_NOOP_EVENTS_PER_NODE ? effects.filter((effect) => !isEvent(effect)) : effects;
  }

  private execute(effect: JobEffect, details: NodeDetails | undefined): void {
    const { nodes, queue } = this.components;
    switch (effect.type) {
      case 'emit':
        return this.emit(effect.event);
      case 'set_node':
        return this.setNode(effect.node, effect.status, details);
      case 'rehab': {
        const address = nodes.addressOf(effect.node);
        return this.context.nodeDirectory.rehab(address, 'a job has ended for the node', this.record.id);
      }
      case 'each_node':
        return queue.postAll(nodeInputs(nodes.withStatus(effect.statuses), effect.input));
      case 'run':
        return this.run();
      case 'store_outcome':
        this.cancelTimer();
        this.persistence.saveOutcome(effect.status);
        return this.persistence.whenStored(() => queue.post({ type: 'outcome_stored' }));
      case 'ended':
        return this.end();
    }
  }

  private emit(event: JobEvent): void {
    const { feed } = this.components;
    if (feed.isComplete) return;
    const at = feed.append(event, this.context.clock.now());
    const isPublic = event.name === 'start' || event.name === 'job_complete';
    if (isPublic) this.context.onPublicEvent(this.record, event, at);
  }

  private setNode(node: string, status: NodeStatus, details: NodeDetails | undefined): void {
    const { nodes, output } = this.components;
    nodes.setStatus(node, status);
    if (!nodes.isLive(node)) output.nodeEnded(node);
    this.persistence.saveNodeStatus(node, status, details);
  }

  /** Stores the status before any node gets `run`: a restarted server must know that nodes may be running. */
  private run(): void {
    const { nodes, reconciler } = this.components;
    this.setTimer(this.persistence.saveRunning(), 'run_timeout');
    this.persistence.whenStored(() => {
      this.isRunStored = true;
      reconciler.runSent();
      const ready = nodes.withStatus(['ready']);
      this.sendRun(ready.filter(({ node }) => !reconciler.isNotSeenSinceRestart(node)));
    });
  }

  private end(): void {
    const { id, orgId } = this.record;
    this.components.feed.close();
    this.ending.resolve();
    this.context.logger.info({ job: id, org: orgId, status: this.status }, 'job ended');
    this.context.onEnded(this.record);
  }

  private sendRun(addresses: readonly NodeAddress[]): void {
    this.send(addresses, { type: 'run', job_id: this.record.id });
  }

  private send(addresses: readonly NodeAddress[], command: NodeCommand): void {
    this.context.nodeDirectory.send(addresses, command);
  }
}

/** Makes each input when the mailbox asks for it: a job may have very many nodes. */
function* nodeInputs(addresses: readonly NodeAddress[], input: JobNodeInput): Generator<NodeInput> {
  for (const { node } of addresses) yield { type: 'node', node, input };
}
