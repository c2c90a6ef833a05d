import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../../config/server-config.js';
import { Clock } from '../../../shared/lib/clock.js';
import type { Cursor } from '../../../shared/lib/durable-log.js';
import { forEachInSlices, SliceScheduler } from '../../../shared/lib/time-slices.js';
import { setLongTimer, type Timer } from '../../../shared/lib/timer.js';
import { NodeDirectory, type NodeEventHandler, type Silence } from '../../nodes/nodes.port.js';
import {
  type HeartbeatMessage,
  isKeptResult,
  type JobMessage,
  type OutputMessage,
  type ReportedJobState,
} from '../../../shared/protocol/client-message.js';
import type { FeedEvent } from '../../../shared/protocol/feed-event.js';
import type { JobStatus } from '../../../shared/protocol/job-status.js';
import { type NodeAddress, nodeKeyOf } from '../../../shared/protocol/node-address.js';
import { outputIntervalMs } from '../domain/output-interval.js';
import type { OtherJobs } from '../domain/job-node-machine.js';
import { JobFeed } from './job-feed.js';
import { JobStore, type StoredLiveJob, type NewJob } from '../job-store.port.js';
import type { JobObserver, JobTally, LiveJobs, OutputOutcome, OutputWatcher } from '../jobs.port.js';
import type { JobRecord } from './job-record.js';
import { LiveJob } from './live-job.js';
import type { LiveJobContext } from './live-job-context.js';
import { LostJobNodes } from './lost-job-nodes.js';
import { ResultConfirmations } from './result-confirmations.js';
import { SilenceWatch } from './silence-watch.js';

/**
 * Holds all jobs in memory, by id and by node. It passes them what nodes send, restores live jobs after a restart, and
 * evicts a job some time after its end.
 */
@Injectable()
export class JobSupervisor implements LiveJobs, NodeEventHandler {
  private readonly jobs = new Map<string, LiveJob>();
  /** Live jobs by node. */
  private readonly jobsOfNode = new Map<string, Set<LiveJob>>();
  private readonly evictionTimers = new Map<string, Timer>();
  private readonly ended = new Map<JobStatus, number>();
  private readonly outputs = new Map<OutputOutcome, number>();
  private readonly watchedJobs = new Set<LiveJob>();
  private readonly lost: LostJobNodes;
  private readonly silence: SilenceWatch;
  private readonly confirmations: ResultConfirmations;
  private readonly context: LiveJobContext;
  private readonly logger: Logger;
  private readonly resumptions: (() => void)[] = [];
  private observer: JobObserver | undefined;

  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    private readonly store: JobStore,
    private readonly nodeDirectory: NodeDirectory,
    private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ scope: 'jobs' });
    this.lost = new LostJobNodes(store, clock, this.logger);
    this.silence = new SilenceWatch(config.heartbeat_interval, () => this.lost.prune());
    this.confirmations = new ResultConfirmations(store, nodeDirectory, this.logger);
    this.context = {
      confirmations: this.confirmations,
      store,
      nodeDirectory,
      clock,
      logger: this.logger,
      slices: new SliceScheduler(),
      serverName: config.server_name_advertised,
      outputIntervalMs: () => outputIntervalMs(this.outputStreams()),
      heartbeatIntervalMs: config.heartbeat_interval,
      otherJobs: (job, node) => this.otherJobs(job, node),
      lostContactMs: (intervalMs) =>
        config.lost_contact_timeout === 'job' ? undefined : config.lost_contact_timeout * intervalMs,
      onContactLost: ({ orgId, id: jobId, capture }, node, until) =>
        this.lost.add({ orgId, jobId, node, capture, until }),
      onPublicEvent: ({ orgId, id }, event, at) => this.observer?.jobEvent(orgId, id, event, at),
      onEnded: ({ id }) => this.jobEnded(id),
    };
  }

  observe(observer: JobObserver): void {
    this.observer = observer;
  }

  /** Loads the jobs that were live when the server stopped. They wait for `resumeRecovered`. */
  async recover(): Promise<void> {
    this.nodeDirectory.setEventHandler(this);
    for (const stored of await this.store.loadLive()) this.restore(stored);
    await this.lost.load();
  }

  /** Resumes the recovered jobs. Their observer must be registered by now. */
  resumeRecovered(): void {
    for (const resume of this.resumptions.splice(0)) resume();
    this.silence.start();
  }

  /** Starts a job that has just been stored. Resolves when it can be found and its nodes are asked. */
  async start(job: NewJob): Promise<void> {
    const nodes = job.nodes.toSorted(); // the order in which the store returns them
    const live = new LiveJob(job, new Map(nodes.map((node) => [node, 'new'])), this.context);
    await forEachInSlices(nodes, (node) => this.addToNode(node, live));
    this.jobs.set(job.id, live);
    await live.start(job.votingDeadline - job.createdAt);
  }

  /** Returns a job of this organization that is in memory. */
  find(orgId: string, jobId: string): LiveJob | undefined {
    const job = this.jobs.get(jobId);
    return job?.record.orgId === orgId ? job : undefined;
  }

  /** Whether a node is in a live job; it would decline another one. */
  isBusy(address: NodeAddress): boolean {
    return this.jobsOf(address).some((job) => job.isNodeLive(address.node));
  }

  follow(orgId: string, jobId: string, lastEventId: string | undefined): Cursor<FeedEvent> | undefined {
    return this.find(orgId, jobId)?.feed.readAfter(lastEventId);
  }

  watchOutput(orgId: string, jobId: string, watcher: OutputWatcher): (() => void) | undefined {
    const job = this.find(orgId, jobId);
    if (job === undefined) return undefined;
    this.watchedJobs.add(job); // before `watchOutput`, which asks for the interval that includes this job
    const stop = job.watchOutput(watcher);
    if (stop === undefined) {
      this.watchedJobs.delete(job);
      return undefined;
    }
    return () => {
      this.watchedJobs.delete(job);
      stop();
    };
  }

  ids(): string[] {
    return [...this.jobs.values()].filter((job) => !job.isOver).map((job) => job.record.id);
  }

  tally(): JobTally {
    const live = new Map<JobStatus, number>();
    for (const { isOver, status } of this.jobs.values()) if (!isOver) increment(live, status);
    return { live, ended: new Map(this.ended), output: new Map(this.outputs) };
  }

  /** Stops all jobs and timers. What is stored stays as it is for the next start. */
  stop(): void {
    for (const job of this.jobs.values()) job.stop();
    for (const timer of this.evictionTimers.values()) timer.cancel();
    this.silence.stop();
  }

  jobMessage(address: NodeAddress, message: JobMessage, firstOnConnection: boolean): void {
    if (this.lost.receive(address, message)) {
      if (message.job_id && isKeptResult(message))
        this.confirmations.confirmWhenStored(address, message.job_id);
      return;
    }
    const { orgId, node } = address;
    const job = message.job_id ? this.find(orgId, message.job_id) : undefined;
    if (job?.statusOf(node) !== undefined) return job.receiveMessage(node, message, firstOnConnection);
    if (message.job_id && isKeptResult(message))
      return void this.confirmations.answerForStoredJob(address, message.job_id);
    this.handleUnknownJob(address, message);
  }

  /** Output for a job that is over, or for another node, was usually on its way when the job ended. It is dropped. */
  output({ orgId, node }: NodeAddress, message: OutputMessage): void {
    increment(this.outputs, this.find(orgId, message.job_id)?.receiveOutput(node, message) ?? 'not_running');
  }

  heartbeat(address: NodeAddress, message: HeartbeatMessage, firstOnConnection: boolean): void {
    for (const job of this.jobsOf(address)) job.receiveHeartbeat(address.node, message, firstOnConnection);
  }

  nodeOffline(address: NodeAddress, silence: Silence): void {
    for (const job of this.jobsOf(address)) {
      job.nodeOffline(address.node, silence);
      this.silence.watch(job);
    }
  }

  rehabStarted(address: NodeAddress, reason: string, byJob: string | undefined): void {
    for (const job of this.jobsOf(address)) {
      if (job.record.id !== byJob && job.isNodeLive(address.node)) job.nodeDown(address.node, reason);
    }
  }

  mayHaveJob(address: NodeAddress): boolean {
    return this.isBusy(address) || this.lost.mayRun(address);
  }

  /** A heartbeat that the node made before it sent its result still names the ended job. */
  mayBeDoing(address: NodeAddress, jobId: string, jobState: ReportedJobState | undefined): boolean {
    const job = this.find(address.orgId, jobId);
    const status = job?.statusOf(address.node);
    if (job?.isNodeLive(address.node) === true || status === 'succeeded' || status === 'failed') return true;
    // A node that is still committed to a lost job would wait for `run` for ever.
    return jobState !== 'committed' && this.lost.mayRun(address, jobId);
  }

  /**
   * Handles a message about a job that the node is not in. A nack changes nothing. An `aborted` ends what the node is
   * doing: a client that cannot report its result sends `aborted` without a job id. Everything else shows that server
   * and node disagree.
   */
  private handleUnknownJob(address: NodeAddress, message: JobMessage): void {
    if (message.type === 'nack_commit' || message.type === 'nack_run') return;
    if (message.type !== 'aborted')
      return this.nodeDirectory.rehab(address, `it sent ${message.type} for an unknown job`);
    for (const job of this.jobsOf(address)) {
      const status = job.statusOf(address.node);
      if (status === 'ready' || status === 'running') job.receiveMessage(address.node, message, false);
    }
  }

  private otherJobs({ orgId, id }: JobRecord, node: string): OtherJobs {
    const address = { orgId, node };
    const others = this.jobsOf(address).filter((job) => job.record.id !== id && job.isNodeLive(node));
    if (this.isCommitted(others, address)) return 'committed';
    return others.length === 0 ? 'none' : 'pending';
  }

  /** Whether the node has voted yes to one of these jobs, or may still run a lost one. */
  private isCommitted(jobs: readonly LiveJob[], address: NodeAddress): boolean {
    const { node } = address;
    return (
      jobs.some((job) => job.isNodeLive(node) && job.statusOf(node) !== 'new') || this.lost.mayRun(address)
    );
  }

  private restore(stored: StoredLiveJob): void {
    const { id, status, updatedAt, events } = stored;
    const onError = (thrown: unknown): void =>
      this.logger.error({ job: id, err: thrown }, 'cannot store an event of a job; its feed ends');
    const nodes = new Map(stored.nodes.map((node) => [node.name, node.status]));
    const feed = new JobFeed(stored, this.store, onError, events);
    const live = new LiveJob(stored, nodes, this.context, { status, updatedAt, feed });
    this.add(live);
    this.resumptions.push(() => {
      const deadlines = { voting: stored.votingDeadline ?? this.clock.now(), run: stored.runDeadline };
      const intervalMs = this.config.heartbeat_interval;
      live.resume(deadlines, { since: performance.now(), lastSeenAt: this.clock.now(), intervalMs });
      this.silence.watch(live);
      this.logger.info({ job: id, status, nodes: nodes.size }, 'job resumed');
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

  private removeFromNode(node: string, job: LiveJob): void {
    const key = nodeKeyOf({ orgId: job.record.orgId, node });
    const jobs = this.jobsOfNode.get(key);
    jobs?.delete(job);
    if (jobs?.size === 0) this.jobsOfNode.delete(key);
  }

  private jobEnded(id: string): void {
    const job = this.jobs.get(id);
    if (job === undefined) return;
    increment(this.ended, job.status);
    void forEachInSlices(job.nodeStatuses(), ([node]) => this.removeFromNode(node, job));
    this.scheduleEviction(job.record);
  }

  /** Keeps an ended job for a while, so that late readers get the whole feed. */
  private scheduleEviction(record: JobRecord): void {
    this.evictionTimers.set(
      record.id,
      setLongTimer(this.config.wait_complete_time * 1000, () => this.evict(record)),
    );
  }

  private evict({ orgId, id }: JobRecord): void {
    this.jobs.delete(id);
    this.evictionTimers.delete(id);
    this.store.deleteEvents(orgId, id);
  }

  private outputStreams(): number {
    let streams = 0;
    for (const job of this.watchedJobs) streams += job.outputStreams;
    return streams;
  }

  /** Returns a copy because a job that ends while callers iterate is removed. */
  private jobsOf(address: NodeAddress): LiveJob[] {
    return [...(this.jobsOfNode.get(nodeKeyOf(address)) ?? [])];
  }
}

const increment = <Key>(counts: Map<Key, number>, key: Key): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};
