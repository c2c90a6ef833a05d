import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { CLOCK, LOGGER } from '../../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../../config/server-config.js';
import type { Clock } from '../../../shared/lib/clock.js';
import type { Cursor } from '../../../shared/lib/durable-log.js';
import { forEachInSlices } from '../../../shared/lib/for-each-in-slices.js';
import { TimeSlices } from '../../../shared/lib/time-slices.js';
import { setLongTimer, type Timer } from '../../../shared/lib/timer.js';
import { FLEET, type Fleet, type NodeWatcher } from '../../nodes/nodes.port.js';
import type { HeartbeatMessage, JobMessage, OutputMessage } from '../../../shared/protocol/client-message.js';
import type { FeedEvent } from '../../../shared/protocol/feed-event.js';
import type { JobStatus } from '../../../shared/protocol/job-status.js';
import { type NodeAddress, nodeKeyOf } from '../../../shared/protocol/node-address.js';
import { outputPace } from '../domain/output-pace.js';
import type { Elsewhere } from '../domain/job-node-machine.js';
import { JobFeed } from './job-feed.js';
import { JOB_STORE, type JobStore, type LiveJob as StoredLiveJob, type NewJob } from '../job-store.port.js';
import type { JobObserver, JobTally, LiveJobs, OutputOutcome, OutputWatcher } from '../jobs.port.js';
import { type JobTools, LiveJob } from './live-job.js';

/**
 * The jobs in memory, found by id and by node: hands them what comes from nodes, takes up those that a restart
 * interrupted, and lets a job go some time after its end.
 */
@Injectable()
export class JobSupervisor implements LiveJobs, NodeWatcher {
  private readonly jobs = new Map<string, LiveJob>();
  /** The jobs that go on, by node. */
  private readonly jobsOfNode = new Map<string, Set<LiveJob>>();
  private readonly farewells = new Map<string, Timer>();
  private readonly ended = new Map<JobStatus, number>();
  private readonly outputs = new Map<OutputOutcome, number>();
  private readonly watched = new Set<LiveJob>();
  private readonly tools: JobTools;
  private readonly logger: Logger;
  private readonly recovered: (() => void)[] = [];
  private observer: JobObserver | undefined;

  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    @Inject(JOB_STORE) private readonly store: JobStore,
    @Inject(FLEET) private readonly fleet: Fleet,
    @Inject(CLOCK) clock: Clock,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ scope: 'jobs' });
    this.tools = {
      store,
      fleet,
      clock,
      logger: this.logger,
      slices: new TimeSlices(),
      serverName: config.server_name_advertised,
      outputPace: () => outputPace(this.outputStreams()),
      heartbeatIntervalMs: config.heartbeat_interval,
      elsewhere: (job, node) => this.elsewhere(job, node),
      onPublicEvent: (job, event, at) => this.observer?.jobEvent(job.record.orgId, job.record.id, event, at),
      onEnded: (job) => {
        countOne(this.ended, job.status);
        void forEachInSlices(job.nodeStatuses(), ([node]) => this.takeFromNode(node, job));
        this.letGoSoon(job);
      },
    };
  }

  observe(observer: JobObserver): void {
    this.observer = observer;
  }

  /** Loads the jobs that were going on when the server stopped. They stand still until `goOn`. */
  async recover(): Promise<void> {
    this.fleet.watch(this);
    for (const stored of await this.store.loadLive()) this.takeUp(stored);
  }

  /** Lets the recovered jobs go on; whoever observes them must do so by now. */
  goOn(): void {
    for (const resume of this.recovered.splice(0)) resume();
  }

  /** Asks the nodes of a job that has just been stored. Resolves when it can be found and its nodes are looked through. */
  async begin(job: NewJob): Promise<void> {
    const nodes = job.nodes.toSorted(); // as the store hands them out
    const live = new LiveJob(job, new Map(nodes.map((node) => [node, 'new'])), this.tools);
    await forEachInSlices(nodes, (node) => this.addToNode(node, live));
    this.jobs.set(job.id, live);
    await live.begin(job.votingDeadline - job.createdAt);
  }

  /** A job that is in memory, if it is one of this organization. */
  find(orgId: string, jobId: string): LiveJob | undefined {
    const job = this.jobs.get(jobId);
    return job?.record.orgId === orgId ? job : undefined;
  }

  /** Whether a node has a part in a job that goes on: it would refuse another. */
  isBusy(address: NodeAddress): boolean {
    return this.jobsOf(address).some((job) => job.hasLivePart(address.node));
  }

  follow(orgId: string, jobId: string, lastEventId: string | undefined): Cursor<FeedEvent> | undefined {
    return this.find(orgId, jobId)?.feed.readAfter(lastEventId);
  }

  watchOutput(orgId: string, jobId: string, watcher: OutputWatcher): (() => void) | undefined {
    const job = this.find(orgId, jobId);
    if (job === undefined) return undefined;
    this.watched.add(job);
    const stop = job.watchOutput(watcher);
    if (stop === undefined) this.watched.delete(job);
    return (
      stop &&
      (() => {
        this.watched.delete(job);
        stop();
      })
    );
  }

  ids(): string[] {
    return [...this.jobs.values()].filter((job) => !job.isOver).map((job) => job.record.id);
  }

  tally(): JobTally {
    const live = new Map<JobStatus, number>();
    for (const { isOver, status } of this.jobs.values()) if (!isOver) countOne(live, status);
    return { live, ended: new Map(this.ended), output: new Map(this.outputs) };
  }

  /** Stops all timers; what is stored stays as it is for the next start. */
  stop(): void {
    for (const job of this.jobs.values()) job.stop();
    for (const timer of this.farewells.values()) timer.cancel();
  }

  jobMessage(address: NodeAddress, message: JobMessage): void {
    const { orgId, node } = address;
    const job = message.job_id ? this.find(orgId, message.job_id) : undefined;
    if (job?.statusOf(node) !== undefined) return job.deliver(node, message);
    this.unknownJob(address, message);
  }

  /** Output for a job that is over, or that the node is not in, comes as a rule because it was on its way: no harm. */
  output({ orgId, node }: NodeAddress, message: OutputMessage): void {
    countOne(this.outputs, this.find(orgId, message.job_id)?.takeOutput(node, message) ?? 'not_running');
  }

  heartbeat(address: NodeAddress, message: HeartbeatMessage, firstOnConnection: boolean): void {
    for (const job of this.jobsOf(address)) job.heartbeat(address.node, message, firstOnConnection);
  }

  down(address: NodeAddress, reason: string): void {
    for (const job of this.jobsOf(address)) job.down(address.node, reason);
  }

  rehabbed(address: NodeAddress, reason: string, byJob: string | undefined): void {
    for (const job of this.jobsOf(address)) {
      if (job.record.id !== byJob && job.hasLivePart(address.node)) job.down(address.node, reason);
    }
  }

  /** A heartbeat may still name a job that the node has just ended: it was made before its result was sent. */
  mayBeDoing({ orgId, node }: NodeAddress, jobId: string): boolean {
    const job = this.find(orgId, jobId);
    const status = job?.statusOf(node);
    return job?.hasLivePart(node) === true || status === 'succeeded' || status === 'failed';
  }

  /**
   * A message about a job that the node is not in. A refusal changes nothing. An `aborted` ends what the node was
   * doing, if that was anything: a client that cannot report its result says so too, without a job's name. All else
   * shows that the node and we do not agree.
   */
  private unknownJob(address: NodeAddress, message: JobMessage): void {
    if (message.type === 'nack_commit' || message.type === 'nack_run') return;
    if (message.type !== 'aborted')
      return this.fleet.rehab(address, `it sent ${message.type} for an unknown job`);
    for (const job of this.jobsOf(address)) {
      const status = job.statusOf(address.node);
      if (status === 'ready' || status === 'running') job.deliver(address.node, message);
    }
  }

  /** What a node has to do in other jobs than this. */
  private elsewhere(job: LiveJob, node: string): Elsewhere {
    const others = this.jobsOf({ orgId: job.record.orgId, node }).filter(
      (other) => other !== job && other.hasLivePart(node),
    );
    if (others.length === 0) return 'free';
    return others.some((other) => other.statusOf(node) !== 'new') ? 'agreed' : 'asked';
  }

  private takeUp(stored: StoredLiveJob): void {
    const { id, status, updatedAt, events } = stored;
    const onFault = (thrown: unknown): void =>
      this.logger.error({ job: id, err: thrown }, 'a feed broke off');
    const nodes = new Map(stored.nodes.map((node) => [node.name, node.status]));
    const feed = new JobFeed(id, this.store, onFault, events);
    const live = new LiveJob(stored, nodes, this.tools, { status, updatedAt, feed });
    this.add(live);
    this.recovered.push(() => {
      live.resume({ voting: stored.votingDeadline ?? this.tools.clock.now(), run: stored.runDeadline });
      this.logger.info({ job: id, status, nodes: nodes.size }, 'job taken up again');
    });
  }

  private add(job: LiveJob): void {
    this.jobs.set(job.record.id, job);
    for (const [node] of job.nodeStatuses()) this.addToNode(node, job);
  }

  private addToNode(node: string, job: LiveJob): void {
    const key = nodeKeyOf({ orgId: job.record.orgId, node });
    const jobs = this.jobsOfNode.get(key);
    if (jobs === undefined) this.jobsOfNode.set(key, new Set([job]));
    else jobs.add(job);
  }

  private takeFromNode(node: string, job: LiveJob): void {
    const key = nodeKeyOf({ orgId: job.record.orgId, node });
    const jobs = this.jobsOfNode.get(key);
    jobs?.delete(job);
    if (jobs?.size === 0) this.jobsOfNode.delete(key);
  }

  /** Late readers still get the whole feed for a while. */
  private letGoSoon(job: LiveJob): void {
    const { id } = job.record;
    this.farewells.set(
      id,
      setLongTimer(this.config.wait_complete_time * 1000, () => this.remove(job)),
    );
  }

  private remove(job: LiveJob): void {
    const { id } = job.record;
    this.jobs.delete(id);
    this.farewells.delete(id);
    this.store.forgetEvents(id);
  }

  private outputStreams(): number {
    let streams = 0;
    for (const job of this.watched) streams += job.outputStreams;
    return streams;
  }

  /** A copy: a job may leave while it is told. */
  private jobsOf(address: NodeAddress): LiveJob[] {
    return [...(this.jobsOfNode.get(nodeKeyOf(address)) ?? [])];
  }
}

const countOne = <Key>(counts: Map<Key, number>, key: Key): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};
