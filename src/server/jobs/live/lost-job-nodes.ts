import type { Logger } from 'pino';
import type { Clock } from '../../../shared/lib/clock.js';
import type { JobMessage } from '../../../shared/protocol/client-message.js';
import { type NodeAddress, nodeKeyOf } from '../../../shared/protocol/node-address.js';
import type { JobStore } from '../job-store.port.js';
import { isResult, lateResultOf } from './job-persistence.js';

/** A job node that has ended because its node was silent for too long. The node may still run the command. */
export interface LostJobNode {
  readonly orgId: string;
  readonly jobId: string;
  readonly node: string;
  /** Whether the job captures output. */
  readonly capture: boolean;
  /** Time on the monotonic clock until which the node may run the command. */
  readonly until: number;
}

interface Entry extends LostJobNode {
  mayRun: boolean;
  hasResult: boolean;
}

/**
 * Remembers lost job nodes until the run deadline of their job, also when the job has left memory: what their nodes report
 * of them is expected. See docs/spec/job-lifecycle.md, "Silent nodes".
 */
export class LostJobNodes {
  private readonly byNode = new Map<string, Map<string, Entry>>();

  constructor(
    private readonly store: Pick<JobStore, 'loadLost' | 'saveLateResult' | 'saveOutput'>,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Loads those that a previous process of the server has stored. */
  async load(): Promise<void> {
    const now = this.clock.now();
    for (const { runDeadline, ...stored } of await this.store.loadLost(now))
      this.add({ ...stored, until: performance.now() + runDeadline - now });
  }

  add(lost: LostJobNode): void {
    const key = nodeKeyOf(lost);
    const jobs = this.byNode.get(key) ?? new Map<string, Entry>();
    this.byNode.set(key, jobs.set(lost.jobId, { ...lost, mayRun: true, hasResult: false }));
  }

  /** Whether the node may still run this job, or any lost one if the job is left out. */
  mayRun(address: NodeAddress, jobId?: string): boolean {
    if (this.byNode.size === 0) return false;
    const jobs = this.byNode.get(nodeKeyOf(address));
    if (jobs === undefined) return false;
    if (jobId !== undefined) return this.isRunning(jobs.get(jobId));
    return [...jobs.values()].some((entry) => this.isRunning(entry));
  }

  /**
   * Takes a message of a node. Returns whether it is about a lost job node; then it changes nothing else. A yes vote or a
   * start shows that the node runs none of the lost ones.
   */
  receive(address: NodeAddress, message: JobMessage): boolean {
    if (this.byNode.size === 0) return false;
    const jobs = this.byNode.get(nodeKeyOf(address));
    if (jobs === undefined) return false;
    const entry = jobs.get(message.job_id ?? '');
    if (entry === undefined || entry.until <= performance.now()) {
      const isOtherJob = message.type === 'ack_commit' || message.type === 'ack_run';
      if (isOtherJob) for (const each of jobs.values()) each.mayRun = false;
      return false;
    }
    if (message.type !== 'ack_commit' && message.type !== 'ack_run') entry.mayRun = false;
    if (isResult(message) && !entry.hasResult) {
      entry.hasResult = true;
      this.saveLateResult(entry, message);
    }
    return true;
  }

  /** Forgets job nodes whose run deadline has passed. */
  prune(): void {
    const now = performance.now();
    for (const [key, jobs] of this.byNode) {
      for (const [jobId, { until }] of jobs) if (until <= now) jobs.delete(jobId);
      if (jobs.size === 0) this.byNode.delete(key);
    }
  }

  private saveLateResult({ orgId, jobId, node, capture }: LostJobNode, result: JobMessage): void {
    this.logger.info(
      { job: jobId, node, result: result.type },
      'a node reports the result of a lost job node',
    );
    this.store.saveLateResult(orgId, jobId, node, lateResultOf(result, this.clock.now()));
    const { stdout, stderr } = result;
    if (!capture || (stdout === undefined && stderr === undefined)) return;
    this.store.saveOutput(orgId, jobId, node, Buffer.from(stdout ?? ''), Buffer.from(stderr ?? ''));
  }

  private isRunning(entry: Entry | undefined): boolean {
    return entry !== undefined && entry.mayRun && entry.until > performance.now();
  }
}
