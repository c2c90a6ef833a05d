import type { HeartbeatMessage, ReportedJobState } from '../../../shared/protocol/client-message.js';
import type { NodeStatus } from '../../../shared/protocol/job-status.js';
import { judgeReport, type ReportVerdict } from '../domain/heartbeat-verdict.js';
import type { JobPhase } from '../domain/job-node-machine.js';
import { LostWords } from './lost-message-detector.js';

/** After this many heartbeats without its job a node has ended it without telling. */
const ABSENT_REPORTS = 2;

/** What a node's heartbeat came to: what is to be done about it, or how and why the node's part ends. */
export type Heard =
  Exclude<ReportVerdict, 'absent'> | { readonly end: 'down' | 'moved_on'; readonly reason: string };

/** How the job believes that a node stands. */
export interface Belief {
  readonly phase: JobPhase;
  readonly status: NodeStatus;
}

/**
 * Remembers of a job's nodes what their heartbeats said before, and so finds out who ended the job without a word, who
 * does not start, and whose words got lost.
 */
export class HeardNodes {
  private readonly absentReports = new Map<string, number>();
  private readonly lostWords: LostWords;

  /** `unheard` are the nodes whose part goes on and that were not heard since the server was started again. */
  constructor(
    private readonly jobId: string,
    intervalMs: number,
    private readonly unheard: Set<string>,
  ) {
    this.lostWords = new LostWords(intervalMs);
  }

  isUnheard(node: string): boolean {
    return this.unheard.has(node);
  }

  /** A node says something about the job; hands back whether that is its first word since a restart. */
  spoke(node: string): boolean {
    this.absentReports.delete(node);
    this.lostWords.spoke(node);
    return this.unheard.delete(node);
  }

  /** All nodes that are ready were told to run. */
  toldToRun(): void {
    this.lostWords.toldToRun(performance.now());
  }

  /** This node was told so again. */
  toldAgain(node: string): void {
    this.lostWords.toldAgain(node, performance.now());
  }

  /** Holds a heartbeat of a node whose part goes on against what the job believes. */
  judge(
    node: string,
    { phase, status }: Belief,
    { job_state: doing, job_id: jobId }: HeartbeatMessage,
    firstOnConnection: boolean,
  ): Heard {
    const thisJob = jobId === this.jobId;
    const report = { doing, thisJob, firstOnConnection, at: performance.now() };
    const wordsAreLost = this.unheard.delete(node) || this.lostWords.areLost(node, report);
    const verdict = judgeReport({ phase, status, doing, thisJob, wordsAreLost });
    if (verdict === 'absent') return this.judgeAbsent(node, doing);
    this.absentReports.delete(node);
    const isStuck = verdict === 'nothing' && status === 'ready' && this.lostWords.isStuck(node, report);
    return isStuck ? { end: 'down', reason: 'the node was told to run and does not start' } : verdict;
  }

  private judgeAbsent(node: string, doing: ReportedJobState): Heard {
    const reports = (this.absentReports.get(node) ?? 0) + 1;
    this.absentReports.set(node, reports);
    if (reports < ABSENT_REPORTS) return 'nothing';
    return doing === 'idle'
      ? { end: 'down', reason: 'the node is idle: its job ended without a word' }
      : { end: 'moved_on', reason: 'the node is at another job: this one ended without a word' };
  }
}
