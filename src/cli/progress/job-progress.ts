import type { JobFeedEvent } from '../../shared/protocol/feed-event-schema.js';
import type { RunStatus, VoteStatus } from '../../shared/protocol/feed-event.js';
import { isNodeDone, type JobStatus, type NodeStatus } from '../../shared/protocol/job-status.js';
import type { Job } from '../../shared/protocol/rest-schemas.js';

const STATUS_AFTER_VOTE: Readonly<Partial<Record<VoteStatus, NodeStatus>>> = {
  success: 'ready',
  failure: 'nacked',
};

const STATUS_AFTER_RUN: Readonly<Partial<Record<RunStatus, NodeStatus>>> = {
  success: 'succeeded',
  failure: 'failed',
  run_nacked: 'failed',
  run_nacked_while_running: 'failed',
};

const MAY_HAVE_OUTPUT: readonly NodeStatus[] = ['succeeded', 'failed', 'crashed', 'timed_out', 'aborted'];

/** The progress of a job, from its feed or from polling. Repeated events, as in a replayed feed, change nothing. */
export class JobProgress {
  status: JobStatus = 'new';
  /** Whether the job captures output; undefined if this is not known yet. */
  captures: boolean | undefined;
  /** The nodes that may have output and have ended, in the order in which this became known. */
  readonly endedNodes: string[] = [];
  private readonly nodes = new Map<string, NodeStatus>();
  private expected = 0;

  applyEvent(event: JobFeedEvent): void {
    switch (event.name) {
      case 'start':
        this.status = 'voting';
        this.expected = event.data.node_count;
        this.captures = event.data.capture;
        return;
      case 'quorum_vote':
        this.advance(event.data.node, STATUS_AFTER_VOTE[event.data.status] ?? 'unavailable');
        return;
      case 'quorum_succeeded':
        this.status = 'running';
        return;
      case 'run_start':
        this.advance(event.data.node, 'running');
        return;
      case 'run_complete':
        this.advance(event.data.node, STATUS_AFTER_RUN[event.data.status] ?? 'crashed');
        return;
      case 'summary':
        this.applyJob(event.data);
        return;
      case 'rehab':
      case 'job_complete': // the caller then fetches the job, which has all node statuses
    }
  }

  /** Replaces the progress with the state of a job from the REST API. */
  applyJob(job: Job): void {
    this.status = job.status;
    this.captures = job.capture_output === true;
    for (const [status, names] of Object.entries(job.nodes)) {
      for (const name of names) this.set(name, status as NodeStatus);
    }
    this.expected = this.nodes.size;
  }

  /** Number of nodes of the job. */
  get total(): number {
    return Math.max(this.expected, this.nodes.size);
  }

  /** Whether the node reported a result, which contains its output if the job captures output. */
  hasResult(node: string): boolean {
    const status = this.nodes.get(node);
    return status === 'succeeded' || status === 'failed';
  }

  /** Counts the nodes in any of these statuses. */
  count(...statuses: readonly NodeStatus[]): number {
    let count = 0;
    for (const status of this.nodes.values()) if (statuses.includes(status)) count++;
    return count;
  }

  /** Number of nodes with a final status. */
  get done(): number {
    let count = 0;
    for (const status of this.nodes.values()) if (isNodeDone(status)) count++;
    return count;
  }

  /** Number of nodes that have voted or missed the vote. */
  get voted(): number {
    return this.nodes.size - this.count('new');
  }

  private advance(node: string, to: NodeStatus): void {
    const from = this.nodes.get(node) ?? 'new';
    if (!isNodeDone(from) && !(from === 'running' && to === 'ready')) this.set(node, to);
  }

  private set(node: string, to: NodeStatus): void {
    const isListed = MAY_HAVE_OUTPUT.includes(this.nodes.get(node) ?? 'new');
    if (MAY_HAVE_OUTPUT.includes(to) && !isListed) this.endedNodes.push(node);
    this.nodes.set(node, to);
  }
}
