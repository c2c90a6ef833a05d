import type { JobFeedEvent } from '../../shared/protocol/feed-event-schema.js';
import type { RunStatus, VoteStatus } from '../../shared/protocol/feed-event.js';
import { isNodeDone, type JobStatus, type NodeStatus } from '../../shared/protocol/job-status.js';
import type { Job } from '../../shared/protocol/rest-schemas.js';

const AFTER_VOTE: Readonly<Partial<Record<VoteStatus, NodeStatus>>> = { success: 'ready', failure: 'nacked' };

const AFTER_RUN: Readonly<Partial<Record<RunStatus, NodeStatus>>> = {
  success: 'succeeded',
  failure: 'failed',
  run_nacked: 'failed',
  run_nacked_while_running: 'failed',
};

const MAY_HAVE_OUTPUT: readonly NodeStatus[] = ['succeeded', 'failed', 'crashed', 'timed_out', 'aborted'];

/**
 * How far a job has come, as its feed or a look at the job tells it. Events may come twice (a feed that was read anew
 * from its beginning): that changes nothing.
 */
export class JobProgress {
  status: JobStatus = 'new';
  /** The nodes that have run the command to its end or lost it on the way, in the order in which this was heard. */
  readonly ranToEnd: string[] = [];
  private readonly nodes = new Map<string, NodeStatus>();
  private expected = 0;

  /** Takes in one event. */
  apply(event: JobFeedEvent): void {
    switch (event.name) {
      case 'start':
        this.status = 'voting';
        this.expected = event.data.node_count;
        return;
      case 'quorum_vote':
        this.move(event.data.node, AFTER_VOTE[event.data.status] ?? 'unavailable');
        return;
      case 'quorum_succeeded':
        this.status = 'running';
        return;
      case 'run_start':
        this.move(event.data.node, 'running');
        return;
      case 'run_complete':
        this.move(event.data.node, AFTER_RUN[event.data.status] ?? 'crashed');
        return;
      case 'summary':
        this.take(event.data);
        return;
      case 'rehab':
      case 'job_complete': // the job itself is asked then: it knows more than the event
    }
  }

  /** Takes in a job as the server shows it. */
  take(job: Job): void {
    this.status = job.status;
    for (const [status, names] of Object.entries(job.nodes)) {
      for (const name of names) this.set(name, status as NodeStatus);
    }
    this.expected = this.nodes.size;
  }

  /** How many nodes the job has. */
  get total(): number {
    return Math.max(this.expected, this.nodes.size);
  }

  /** How many nodes are in any of these statuses. */
  count(...statuses: readonly NodeStatus[]): number {
    let count = 0;
    for (const status of this.nodes.values()) if (statuses.includes(status)) count++;
    return count;
  }

  /** How many nodes have ended, one way or another. */
  get done(): number {
    let count = 0;
    for (const status of this.nodes.values()) if (isNodeDone(status)) count++;
    return count;
  }

  /** How many nodes have given or missed their vote. */
  get voted(): number {
    return this.nodes.size - this.count('new');
  }

  private move(node: string, to: NodeStatus): void {
    const from = this.nodes.get(node) ?? 'new';
    if (!isNodeDone(from) && !(from === 'running' && to === 'ready')) this.set(node, to);
  }

  private set(node: string, to: NodeStatus): void {
    const wasThere = MAY_HAVE_OUTPUT.includes(this.nodes.get(node) ?? 'new');
    if (MAY_HAVE_OUTPUT.includes(to) && !wasThere) this.ranToEnd.push(node);
    this.nodes.set(node, to);
  }
}
