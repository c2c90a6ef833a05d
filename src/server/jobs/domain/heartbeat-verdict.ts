import type { ReportedJobState } from '../../../shared/protocol/client-message.js';
import type { NodeStatus } from '../../../shared/protocol/job-status.js';
import type { JobPhase } from './job-node-machine.js';

/** What a node's heartbeat says, beside what we believe of the node's part in a job. */
export interface NodeReport {
  readonly phase: JobPhase;
  readonly status: NodeStatus | undefined;
  readonly doing: ReportedJobState;
  /** Whether it names this job. */
  readonly thisJob: boolean;
  /**
   * Whether words between the node and the server are lost: it is the first word since the server was started again, or
   * the node's connection broke.
   */
  readonly wordsAreLost: boolean;
}

/**
 * What is to be done about a report (wire protocol, sections 6 and 8): nothing; make up for what got lost
 * (`ask_again` for the vote, take the node as having `voted` or `started`, tell it to `run`); or count that the
 * node is `absent`: idle, or at another job, while it should be at this one.
 */
export type ReportVerdict = 'nothing' | 'ask_again' | 'voted' | 'started' | 'run' | 'absent';

/** Holds a heartbeat against what we believe. Only `absent` is ever said of a node of which no word is lost. */
export const judgeReport = ({ phase, status, doing, thisJob, wordsAreLost }: NodeReport): ReportVerdict => {
  if (phase === 'voting') {
    if (!wordsAreLost) return 'nothing';
    if (doing === 'idle') return status === 'new' || status === 'ready' ? 'ask_again' : 'nothing';
    return status === 'new' && doing === 'committed' && thisJob ? 'voted' : 'nothing';
  }
  if (phase !== 'running' || (status !== 'ready' && status !== 'running')) return 'nothing';
  if (doing === 'idle' || !thisJob) return 'absent';
  if (!wordsAreLost || status !== 'ready') return 'nothing';
  return doing === 'running' ? 'started' : 'run';
};
