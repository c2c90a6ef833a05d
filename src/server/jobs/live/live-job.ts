import type { Logger } from 'pino';
import type { Clock } from '../../../shared/lib/clock.js';
import { deferred } from '../../../shared/lib/deferred.js';
import { forEachInSlices } from '../../../shared/lib/for-each-in-slices.js';
import { SlicedMailbox } from '../../../shared/lib/sliced-mailbox.js';
import type { TimeSlices } from '../../../shared/lib/time-slices.js';
import { setLongTimer, type Timer } from '../../../shared/lib/timer.js';
import type { Fleet } from '../../nodes/nodes.port.js';
import type { NodeDetails } from '../../persistence/batch-writer.port.js';
import type { HeartbeatMessage, JobMessage, OutputMessage } from '../../../shared/protocol/client-message.js';
import type { JobEvent } from '../../../shared/protocol/feed-event.js';
import {
  isJobOver,
  isNodeDone,
  type JobStatus,
  type NodeStatus,
} from '../../../shared/protocol/job-status.js';
import type { NodeAddress } from '../../../shared/protocol/node-address.js';
import type { NodeCommand } from '../../../shared/protocol/server-message.js';
import { type JobEffect, type JobInput, type JobState, jobState, reduceJob } from '../domain/job-machine.js';
import type { Elsewhere, PartInput } from '../domain/job-node-machine.js';
import { type Heard, HeardNodes } from './heartbeat-reconciler.js';
import { JobFeed } from './job-feed.js';
import { JobOutput } from './job-output.js';
import { commitOf, type JobRecord, startDataOf } from './job-record.js';
import type { JobStore } from '../job-store.port.js';
import type { OutputOutcome, OutputWatcher } from '../jobs.port.js';

/** What a live job works with. */
export interface JobTools {
  readonly store: JobStore;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Shared by all jobs: what very many nodes make to do is done a little at a time. */
  readonly slices: TimeSlices;
  /** The name that this server is known by. */
  readonly serverName: string;
  /** How often a node is to send output now, in milliseconds. */
  outputPace(): number;
  readonly heartbeatIntervalMs: number;
  /** What the node has to do in other jobs than this. */
  elsewhere(job: LiveJob, node: string): Elsewhere;
  /** The job began or ended. */
  onPublicEvent(job: LiveJob, event: JobEvent, atMicros: number): void;
  /** The job's end is stored and told. */
  onEnded(job: LiveJob): void;
}

/** Deadlines, milliseconds since 1970; that of the run is not known before it starts. */
export interface JobDeadlines {
  readonly voting: number;
  readonly run?: number | undefined;
}

interface Letter {
  readonly input: JobInput | { readonly type: 'node'; readonly node: string; readonly input: PartInput };
  readonly details?: NodeDetails;
}

/** So many events come of a node's words that change nothing; what it says beyond that is not told. */
const MOST_IDLE_WORDS = 16;

/**
 * One job that is going on or has just ended: holds its nodes' statuses and its feed, has one mailbox, and executes
 * what the machine asks for. Everything that changes is handed to the store in the order in which it happened.
 */
export class LiveJob {
  readonly feed: JobFeed;
  updatedAt: number;
  private state: JobState;
  private readonly mailbox: SlicedMailbox<Letter>;
  /** How often what a node said made events but changed nothing. */
  private readonly idleWords = new Map<string, number>();
  private readonly heard: HeardNodes;
  private readonly withOutput = new Set<string>();
  private readonly output: JobOutput;
  private readonly ending = deferred();
  private timer: Timer | undefined;
  /** Until the nodes were looked through: which of them dropped out, and why. */
  private goneMeanwhile: Map<string, string> | undefined;
  /** Whether it is stored that nodes run: before that, none may be told to. */
  private mayRun: boolean;

  constructor(
    readonly record: JobRecord,
    private readonly nodes: Map<string, NodeStatus>,
    private readonly tools: JobTools,
    recovered?: { readonly status: JobStatus; readonly feed: JobFeed; readonly updatedAt: number },
  ) {
    const onFault = (thrown: unknown): void =>
      tools.logger.error({ job: record.id, err: thrown }, 'a job event could not be handled');
    this.state = jobState(recovered?.status ?? 'voting', record.quorum, nodes.values());
    this.updatedAt = recovered?.updatedAt ?? record.createdAt;
    this.feed = recovered?.feed ?? new JobFeed(record.id, tools.store, onFault);
    this.output = new JobOutput(record, tools);
    this.mailbox = new SlicedMailbox((letter) => this.step(letter), onFault, tools.slices);
    this.mayRun = recovered?.status === 'running';
    const inPart = recovered === undefined ? [] : this.addresses(['new', 'ready', 'running']);
    const unheard = new Set(inPart.map(({ node }) => node));
    this.heard = new HeardNodes(record.id, tools.heartbeatIntervalMs, unheard);
    if (recovered === undefined) this.goneMeanwhile = new Map();
  }

  get status(): JobStatus {
    return this.state.status;
  }

  get isOver(): boolean {
    return isJobOver(this.state.status);
  }

  /** Resolves when the job's end is stored and told. */
  get ended(): Promise<void> {
    return this.ending.promise;
  }

  /**
   * Asks all nodes for their votes; those that cannot take a job now have voted already. Resolves when all are asked,
   * or will be in a moment where there are very many. From then on there are `votingMs` milliseconds to vote.
   */
  async begin(votingMs: number): Promise<void> {
    this.emit({ name: 'start', data: startDataOf(this.record, this.nodes.size) });
    const { fleet } = this.tools;
    const here: NodeAddress[] = [];
    const away: NodeAddress[] = [];
    // How a node stands is seen when it is looked at: only what changes after that matters.
    const goneMeanwhile = (this.goneMeanwhile = new Map<string, string>());
    await forEachInSlices(this.nodes.keys(), (node) => {
      const address = { orgId: this.record.orgId, node };
      (fleet.isAvailable(address) ? here : away).push(address);
    });
    this.goneMeanwhile = undefined;
    if (this.state.outcome !== undefined) return; // called off already
    fleet.send(here, commitOf(this.record, this.tools.serverName));
    this.setTimer(this.tools.clock.now() + votingMs, 'voting_timeout');
    for (const { node } of goneMeanwhile.size > 0 ? away : []) goneMeanwhile.delete(node);
    this.mailbox.postAll(
      map(away, (address) => letterTo(address.node, 'down', { reason: fleet.trouble(address) ?? 'gone' })),
    );
    for (const [node, reason] of goneMeanwhile) this.down(node, reason);
  }

  /** Goes on after a restart of the server, with the deadlines that were; one that was over is only told to be so. */
  resume(deadlines: JobDeadlines): void {
    if (this.isOver) return this.mailbox.post({ input: { type: 'recovered' } });
    if (this.feed.isEmpty) this.emit({ name: 'start', data: startDataOf(this.record, this.nodes.size) });
    if (this.state.phase === 'running') this.setTimer(deadlines.run ?? deadlines.voting, 'run_timeout');
    else this.setTimer(deadlines.voting, 'voting_timeout');
    this.mailbox.post({ input: { type: 'recovered' } });
  }

  /** A node that is in this job says something about it. */
  deliver(node: string, message: JobMessage): void {
    const afterRestart = this.heard.spoke(node);
    this.keepOutput(node, message);
    // That it had started got lost with the server that was told so.
    if (
      afterRestart &&
      this.state.phase === 'running' &&
      this.nodes.get(node) === 'ready' &&
      isResult(message)
    ) {
      this.post(node, 'ack_run');
    }
    this.post(node, message.type, detailsOf(message));
    if (message.type === 'ack_run') this.noteOutput(node, message.output_every_ms);
  }

  /** A node that is in this job sends a piece of what its command writes. It changes nothing, whenever it comes. */
  takeOutput(node: string, message: OutputMessage): OutputOutcome {
    const isRunning = this.state.phase === 'running' && this.nodes.get(node) === 'running';
    if (!isRunning || !this.record.capture) return 'not_running';
    return this.output.take(node, message, this.feed.lastNumber);
  }

  /** Has the nodes send what they write while they run; undefined where there is nothing of that. */
  watchOutput(watcher: OutputWatcher): (() => void) | undefined {
    return this.isOver || !this.record.capture ? undefined : this.output.watch(watcher);
  }

  /** How many streams of output there may be: one for each node that may still run and each reader. */
  get outputStreams(): number {
    const { tally } = this.state;
    return (this.output.watcher?.readers ?? 0) * (tally.new + tally.ready + tally.running);
  }

  /** A node that is in this job is gone, or does not do it any more. */
  down(node: string, reason: string): void {
    if (this.goneMeanwhile === undefined) this.post(node, 'down', { reason });
    else this.goneMeanwhile.set(node, reason);
  }

  /** Ends the job at a user's wish; false where it has ended, or is about to, by itself. */
  callOff(): boolean {
    if (this.state.outcome !== undefined || this.isOver) return false;
    this.mailbox.post({ input: { type: 'called_off' } });
    return true;
  }

  /** Holds what a node's heartbeat says against what we believe. */
  heartbeat(node: string, message: HeartbeatMessage, firstOnConnection: boolean): void {
    const status = this.nodes.get(node);
    if (status === undefined || isNodeDone(status) || this.state.outcome !== undefined) return;
    this.act(this.heard.judge(node, { phase: this.state.phase, status }, message, firstOnConnection), node);
    const isRunning = message.job_state === 'running' && message.job_id === this.record.id;
    if (isRunning) this.noteOutput(node, message.output_every_ms);
  }

  statusOf(node: string): NodeStatus | undefined {
    return this.nodes.get(node);
  }

  /** Whether the node has a part in this job that is not ended. */
  hasLivePart(node: string): boolean {
    const status = this.nodes.get(node);
    return status !== undefined && !isNodeDone(status);
  }

  /** The nodes with their statuses, by name. */
  nodeStatuses(): IterableIterator<[node: string, status: NodeStatus]> {
    return this.nodes.entries();
  }

  /** Stops the job where it is; for the stop of the server. */
  stop(): void {
    this.timer?.cancel();
    this.mailbox.cutShort();
  }

  private post(node: string, input: PartInput, details?: NodeDetails): void {
    this.mailbox.post(letterTo(node, input, details));
  }

  private act(heard: Heard, node: string): void {
    if (typeof heard === 'object') return this.post(node, heard.end, { reason: heard.reason });
    const address = { orgId: this.record.orgId, node };
    switch (heard) {
      case 'nothing':
        return;
      case 'voted':
        return this.post(node, 'ack_commit');
      case 'started':
        return this.post(node, 'ack_run');
      case 'run':
        if (!this.mayRun) return;
        this.heard.toldAgain(node);
        return this.tools.fleet.send([address], this.runCommand());
      case 'ask_again':
        this.post(node, 'asked_again');
        return this.tools.fleet.send([address], commitOf(this.record, this.tools.serverName));
    }
  }

  /** A node that says how often it sends output can be asked for it. */
  private noteOutput(node: string, everyMs: number | undefined): void {
    if (everyMs !== undefined && this.record.capture && this.hasLivePart(node))
      this.output.said(node, everyMs);
  }

  private step({ input, details }: Letter): void {
    const next = input.type === 'node' ? this.asJobInput(input) : input;
    if (next === undefined) return;
    const { state, effects } = reduceJob(this.state, next);
    this.state = state;
    const told = next.type === 'part' ? this.withoutRepetition(next.node, effects) : effects;
    for (const effect of told) this.execute(effect, details);
  }

  /** A node that says again and again what changes nothing must not fill the feed. */
  private withoutRepetition(node: string, effects: readonly JobEffect[]): readonly JobEffect[] {
    const isEvent = ({ type }: JobEffect): boolean => type === 'emit';
    if (effects.some(({ type }) => type === 'set_node') || !effects.some(isEvent)) return effects;
    const times = (this.idleWords.get(node) ?? 0) + 1;
    this.idleWords.set(node, times);
    return times > MOST_IDLE_WORDS ? effects.filter((effect) => !isEvent(effect)) : effects;
  }

  private asJobInput({ node, input }: { node: string; input: PartInput }): JobInput | undefined {
    const status = this.nodes.get(node);
    if (status === undefined) return undefined;
    return { type: 'part', node, status, input, elsewhere: this.tools.elsewhere(this, node) };
  }

  private execute(effect: JobEffect, details: NodeDetails | undefined): void {
    const { id, orgId } = this.record;
    switch (effect.type) {
      case 'emit':
        return this.emit(effect.event);
      case 'set_node':
        return this.setNode(effect.node, effect.status, details);
      case 'rehab':
        return this.tools.fleet.rehab({ orgId, node: effect.node }, 'its job is over for it', id);
      case 'each':
        return this.mailbox.postAll(
          map(this.addresses(effect.statuses), ({ node }) => letterTo(node, effect.input)),
        );
      case 'run':
        return this.run();
      case 'store_outcome':
        return this.storeOutcome(effect.status);
      case 'ended':
        return this.end();
    }
  }

  private emit(event: JobEvent): void {
    if (this.feed.isComplete) return;
    const at = this.feed.append(event, this.tools.clock.now());
    if (event.name === 'start' || event.name === 'job_complete') this.tools.onPublicEvent(this, event, at);
  }

  private setNode(node: string, status: NodeStatus, details: NodeDetails | undefined): void {
    this.nodes.set(node, status);
    this.touch();
    if (isNodeDone(status)) this.output.ended(node);
    const told = isNodeDone(status) ? details : undefined;
    this.tools.store.nodeStatus(this.record.orgId, this.record.id, node, status, this.updatedAt, told);
  }

  /** Stored first: a server that is started again must know that nodes may be running. */
  private run(): void {
    this.touch();
    const runDeadline = this.updatedAt + this.record.runTimeout * 1000;
    this.tools.store.jobStatus(this.record.id, 'running', this.updatedAt, { runDeadline });
    this.setTimer(runDeadline, 'run_timeout');
    this.onceStored(() => {
      this.mayRun = true;
      this.heard.toldToRun();
      const ready = this.addresses(['ready']).filter(({ node }) => !this.heard.isUnheard(node));
      this.tools.fleet.send(ready, this.runCommand());
    });
  }

  private runCommand(): NodeCommand {
    return { type: 'run', job_id: this.record.id };
  }

  private storeOutcome(status: JobStatus): void {
    this.timer?.cancel();
    this.touch();
    this.tools.store.jobStatus(this.record.id, status, this.updatedAt);
    this.onceStored(() => this.mailbox.post({ input: { type: 'outcome_stored' } }));
  }

  /** Goes on when all changes so far are durable; a server that stops before that goes on at its next start. */
  private onceStored(goOn: () => void): void {
    this.tools.store
      .flushed()
      .then(goOn)
      .catch((thrown: unknown) =>
        this.tools.logger.error({ job: this.record.id, err: thrown }, 'a change of a job was not stored'),
      );
  }

  private end(): void {
    this.feed.close();
    this.ending.resolve();
    this.tools.logger.info({ job: this.record.id, org: this.record.orgId, status: this.status }, 'job ended');
    this.tools.onEnded(this);
  }

  private keepOutput(node: string, message: JobMessage): void {
    const { stdout, stderr } = message;
    if (!this.record.capture || !isResult(message) || (stdout === undefined && stderr === undefined)) return;
    if (this.withOutput.has(node)) return;
    this.withOutput.add(node);
    this.tools.store.saveOutput(this.record.id, node, Buffer.from(stdout ?? ''), Buffer.from(stderr ?? ''));
  }

  private setTimer(deadline: number, type: 'voting_timeout' | 'run_timeout'): void {
    this.timer?.cancel();
    this.timer = setLongTimer(deadline - this.tools.clock.now(), () =>
      this.mailbox.post({ input: { type } }),
    );
  }

  private touch(): void {
    this.updatedAt = this.tools.clock.now();
  }

  private addresses(statuses: readonly NodeStatus[]): NodeAddress[] {
    const { orgId } = this.record;
    const found: NodeAddress[] = [];
    for (const [node, status] of this.nodes) if (statuses.includes(status)) found.push({ orgId, node });
    return found;
  }
}

const letterTo = (node: string, input: PartInput, details?: NodeDetails): Letter => ({
  input: { type: 'node', node, input },
  ...(details === undefined ? {} : { details }),
});

function* map<T, R>(items: Iterable<T>, make: (item: T) => R): Generator<R> {
  for (const item of items) yield make(item);
}

const isResult = ({ type }: JobMessage): boolean => type === 'succeeded' || type === 'failed';

/** What our own client tells beyond the type of its message. */
const detailsOf = (message: JobMessage): NodeDetails => ({
  ...(message.exit_code === undefined ? {} : { exitCode: message.exit_code }),
  ...(message.signal === undefined ? {} : { signal: message.signal }),
  ...(message.duration_ms === undefined ? {} : { durationMs: message.duration_ms }),
  ...(message.reason === undefined ? {} : { reason: message.reason }),
});
