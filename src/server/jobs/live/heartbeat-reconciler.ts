import type {
  HeartbeatMessage,
  JobMessage,
  ReportedJobState,
} from '../../../shared/protocol/client-message.js';
import type { NodeStatus } from '../../../shared/protocol/job-status.js';
import type { JobPhase } from '../domain/job-node-machine.js';
import { type HeartbeatAction, reconcileHeartbeat } from '../domain/reconcile-heartbeat.js';
import { LostMessageDetector } from './lost-message-detector.js';

/** A node that omits its job from this many heartbeats in a row has ended it without reporting a result. */
const MAX_ABSENT_HEARTBEATS = 2;

/** What to do about a heartbeat, or how and why the job node ends. */
export type ReconcileResult =
  | Exclude<HeartbeatAction, 'count_absence'>
  | { readonly end: 'down' | 'switched_job'; readonly reason: string };

/** Compares the heartbeats of a job's nodes with what the server expects, and remembers what that needs. */
export class HeartbeatReconciler {
  private readonly absentHeartbeats = new Map<string, number>();
  private readonly lostMessages: LostMessageDetector;
  /** Nodes that got `commit` again; if the first one was only late, they answer twice. */
  private readonly askedAgain = new Set<string>();
  /** Nodes that opened a new connection since `run` was sent. */
  private readonly reconnected = new Set<string>();

  /** `notSeenSinceRestart` are the nodes of live job nodes that have sent nothing since a server restart. */
  constructor(
    private readonly jobId: string,
    intervalMs: number,
    private readonly notSeenSinceRestart: Set<string>,
  ) {
    this.lostMessages = new LostMessageDetector(intervalMs);
  }

  isNotSeenSinceRestart(node: string): boolean {
    return this.notSeenSinceRestart.has(node);
  }

  /**
   * Notes a message about the job. Returns whether an `ack_run` before it may be lost: it is the first message since a
   * server restart, or the node has reconnected since `run` was sent.
   */
  messageReceived(node: string, firstOnConnection: boolean): boolean {
    this.absentHeartbeats.delete(node);
    this.lostMessages.messageExchanged(node);
    if (firstOnConnection) this.reconnected.add(node);
    return this.notSeenSinceRestart.delete(node) || this.reconnected.has(node);
  }

  /** Notes that `run` was sent to all ready nodes. */
  runSent(): void {
    this.reconnected.clear();
    this.lostMessages.runSent(performance.now());
  }

  /** Notes that `run` was sent to this node again. */
  runResent(node: string): void {
    this.reconnected.delete(node);
    this.lostMessages.runResent(node, performance.now());
  }

  /** Whether a node that has voted yes answers the `commit` that it got again. Its heartbeats show what it does. */
  isRepeatedVote(node: string, type: JobMessage['type'], status: NodeStatus | undefined): boolean {
    if (type !== 'ack_commit' && type !== 'nack_commit') return false;
    return (status === 'ready' || status === 'running') && this.askedAgain.delete(node);
  }

  /** Compares the heartbeat of a live job node with its status. */
  reconcile(
    node: string,
    phase: JobPhase,
    status: NodeStatus,
    { job_state: jobState, job_id: jobId }: HeartbeatMessage,
    firstOnConnection: boolean,
  ): ReconcileResult {
    if (firstOnConnection) this.reconnected.add(node);
    const isThisJob = jobId === this.jobId;
    const report = { phase, status, jobState, isThisJob, firstOnConnection, at: performance.now() };
    const isMessageLost =
      this.notSeenSinceRestart.delete(node) ||
      this.lostMessages.isMessageLost(node, report) ||
      isCommitLost(report);
    const action = reconcileHeartbeat(report, isMessageLost);
    if (action === 'resend_commit') this.askedAgain.add(node);
    if (action === 'count_absence') return this.countAbsence(node, jobState);
    this.absentHeartbeats.delete(node);
    const isOverdue = action === 'none' && status === 'ready' && this.lostMessages.isRunOverdue(node, report);
    return isOverdue ? { end: 'down', reason: 'the node got run and does not start' } : action;
  }

  private countAbsence(node: string, jobState: ReportedJobState): ReconcileResult {
    const count = (this.absentHeartbeats.get(node) ?? 0) + 1;
    this.absentHeartbeats.set(node, count);
    if (count < MAX_ABSENT_HEARTBEATS) return 'none';
    return jobState === 'idle'
      ? { end: 'down', reason: 'the node is idle: it ended the job without a result' }
      : { end: 'switched_job', reason: 'the node is in another job: it ended this one without a result' };
  }
}

/**
 * Whether a node that was asked for its vote did not get the `commit`: it went over the connection before this one. If the
 * node has got it nevertheless, it answers twice.
 */
const isCommitLost = (report: {
  readonly phase: JobPhase;
  readonly status: NodeStatus;
  readonly jobState: ReportedJobState;
  readonly firstOnConnection: boolean;
}): boolean =>
  report.firstOnConnection &&
  report.phase === 'voting' &&
  report.status === 'new' &&
  report.jobState === 'idle';
