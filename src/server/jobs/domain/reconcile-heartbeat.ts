import type { ReportedJobState } from '../../../shared/protocol/client-message.js';
import type { NodeStatus } from '../../../shared/protocol/job-status.js';
import type { JobPhase } from './job-node-machine.js';

/** A heartbeat of a node, beside the state that the server expects. */
export interface HeartbeatComparison {
  readonly phase: JobPhase;
  readonly status: NodeStatus;
  readonly jobState: ReportedJobState;
  /** Whether the heartbeat names this job. */
  readonly isThisJob: boolean;
}

/**
 * How to make up for a difference between server and node. See docs/spec/wire-protocol.md, "Reconciliation of heartbeats".
 *
 * `resend_commit` and `resend_run` repeat a message that the node has not received; `assume_vote` and `assume_started`
 * stand for a message that the server has not received; `count_absence` counts a heartbeat that does not name the job
 * although the node should be running it.
 */
export type HeartbeatAction =
  'none' | 'resend_commit' | 'assume_vote' | 'assume_started' | 'resend_run' | 'count_absence';

/**
 * Compares a heartbeat with the expected state. `isMessageLost` says that an earlier message may be lost; if not, only
 * `count_absence` can follow.
 */
export const reconcileHeartbeat = (
  { phase, status, jobState, isThisJob }: HeartbeatComparison,
  isMessageLost: boolean,
): HeartbeatAction => {
  if (phase === 'voting') {
    if (!isMessageLost) return 'none';
    if (jobState === 'idle') return status === 'new' || status === 'ready' ? 'resend_commit' : 'none';
    return status === 'new' && jobState === 'committed' && isThisJob ? 'assume_vote' : 'none';
  }
  if (phase !== 'running' || (status !== 'ready' && status !== 'running')) return 'none';
  if (jobState === 'idle' || !isThisJob) return 'count_absence';
  if (!isMessageLost || status !== 'ready') return 'none';
  return jobState === 'running' ? 'assume_started' : 'resend_run';
};
