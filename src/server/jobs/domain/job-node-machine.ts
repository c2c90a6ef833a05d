import type { RunStatus, VoteStatus } from '../../../shared/protocol/feed-event.js';
import { isNodeDone, type NodeStatus } from '../../../shared/protocol/job-status.js';

/**
 * A node's part in a job: what each input does to it (job lifecycle, "Voting" and "Running"). The tables below are
 * the machine; a cell that is not listed is the `other` cell of its column, and a column without one changes nothing.
 *
 * States and their exits: `new` → ready, nacked, unavailable; `ready` → new, running, was_ready, failed, crashed,
 * unavailable, timed_out; `running` → succeeded, failed, crashed, timed_out; `new`, `ready`, `running` → aborted.
 * All others are terminal and have none.
 *
 * To be let go (`rehab`) ends all that a node does, and a client does one job at a time. So a node that has a part in
 * another job as well is not let go for the sake of one that it has not said yes to, nor because it refuses such a one,
 * or one that is over for it (`BUSY_ELSEWHERE`). Where it says yes to it after all, it is let go then, like any node
 * that says so late. A node that has said yes to another job does this one no more: there is nothing to let go
 * (`AGREED_ELSEWHERE`).
 */
export type PartInput =
  | 'ack_commit'
  | 'nack_commit'
  | 'ack_run'
  | 'nack_run'
  | 'succeeded'
  | 'failed'
  | 'aborted'
  /** The node dropped out: offline, another process, rehab, or it ended the job without telling. */
  | 'down'
  /** It ended the job without telling, and says that it is at another one. */
  | 'moved_on'
  | 'voting_timeout'
  | 'run_timeout'
  /** The quorum was not reached. */
  | 'quorum_failed'
  /** A user called the job off. */
  | 'called_off'
  /** After a restart: the node knows nothing of the vote it was asked for. */
  | 'asked_again';

/** How far the job is. */
export type JobPhase = 'voting' | 'running' | 'over';

/** What a node has to do in other jobs that go on: nothing, or it was asked for its vote, or it has said yes. */
export type Elsewhere = 'free' | 'asked' | 'agreed';

/** What follows besides a new status, in order. `rehab` is an event too, `quiet_rehab` is not. */
export type Consequence =
  { readonly vote: VoteStatus } | { readonly runComplete: RunStatus } | 'run_start' | 'rehab' | 'quiet_rehab';

export interface Verdict {
  /** The new status; left out where it stays. */
  readonly status?: NodeStatus;
  readonly then: readonly Consequence[];
}

type Column = 'new' | 'ready' | 'running' | 'terminal';
type Cells = Partial<Record<PartInput | 'other', Verdict>>;
type Table = Partial<Record<Column, Cells>>;

const NOTHING: Verdict = { then: [] };

const vote = (status: VoteStatus): Consequence => ({ vote: status });
const runComplete = (status: RunStatus): Consequence => ({ runComplete: status });

const to = (status: NodeStatus, ...then: Consequence[]): Verdict => ({ status, then });
const stay = (...then: Consequence[]): Verdict => ({ then });

const calledOff: Cells = { called_off: to('aborted', 'quiet_rehab') };
const ourOwn: Cells = {
  moved_on: NOTHING,
  voting_timeout: NOTHING,
  run_timeout: NOTHING,
  quorum_failed: NOTHING,
  asked_again: NOTHING,
};

const movedOn: Cells = { moved_on: to('crashed', runComplete('crashed')) };
const crashed = to('crashed', 'rehab', runComplete('crashed'));
const diedWhileRunning = stay('rehab', runComplete('client_died_while_running'));

const TABLES: Record<JobPhase, Table> = {
  voting: {
    new: {
      ...ourOwn,
      ...calledOff,
      ack_commit: to('ready', vote('success')),
      nack_commit: to('nacked', vote('failure')),
      down: to('unavailable', vote('down'), 'rehab'),
      voting_timeout: to('unavailable', vote('voting_timeout'), 'quiet_rehab'),
      other: to('unavailable', 'rehab'),
    },
    ready: {
      ...ourOwn,
      ...calledOff,
      ack_commit: stay(vote('unexpected_commit')),
      nack_commit: to('unavailable', 'rehab', vote('lost_availibility')),
      down: to('unavailable', vote('down'), 'rehab'),
      quorum_failed: to('was_ready', 'quiet_rehab'),
      asked_again: to('new'),
      other: to('unavailable', 'rehab'),
    },
    terminal: {
      ...ourOwn,
      called_off: NOTHING,
      ack_commit: stay('rehab', vote('client_died_while_voting')),
      nack_commit: stay('rehab', vote('client_died_while_voting')),
      down: stay(vote('down'), 'rehab'),
      other: stay('rehab'),
    },
  },
  running: {
    ready: {
      ...ourOwn,
      ...calledOff,
      ...movedOn,
      ack_run: to('running', 'run_start'),
      nack_run: to('failed', 'rehab', runComplete('run_nacked')),
      run_timeout: to('timed_out', 'quiet_rehab'),
      other: crashed,
    },
    running: {
      ...ourOwn,
      ...calledOff,
      ...movedOn,
      ack_run: NOTHING,
      nack_run: to('failed', 'rehab', runComplete('run_nacked_while_running')),
      succeeded: to('succeeded', runComplete('success')),
      failed: to('failed', runComplete('failure')),
      run_timeout: to('timed_out', 'quiet_rehab'),
      other: crashed,
    },
    terminal: {
      ...ourOwn,
      called_off: NOTHING,
      ack_run: stay(runComplete('client_died_while_running'), 'rehab'),
      other: diedWhileRunning,
    },
  },
  // The feed has ended: no events any more. A node that still believes in the job is told to drop it.
  over: { terminal: { ack_commit: stay('quiet_rehab'), ack_run: stay('quiet_rehab') } },
};

const lateRefusal: Cells = { nack_commit: NOTHING, nack_run: NOTHING };

/** The cells that are others for a node with a part in another job that goes on. */
const BUSY_ELSEWHERE: Partial<Record<JobPhase, Table>> = {
  voting: {
    new: {
      called_off: to('aborted'),
      nack_run: to('unavailable'),
      voting_timeout: to('unavailable', vote('voting_timeout')),
    },
    terminal: lateRefusal,
  },
  running: { terminal: lateRefusal },
};

const dropped: Cells = { run_timeout: to('timed_out'), called_off: to('aborted') };

/** Beside those, the cells that are others for a node that has said yes to another job that goes on. */
const AGREED_ELSEWHERE: Partial<Record<JobPhase, Table>> = { running: { ready: dropped, running: dropped } };

const columnOf = (status: NodeStatus): Column => {
  if (status === 'new' || status === 'ready' || status === 'running') return status;
  return 'terminal';
};

/** What an input does to a node of this status while the job is in this phase; a terminal status never changes. */
export const judgePart = (
  phase: JobPhase,
  status: NodeStatus,
  input: PartInput,
  elsewhere: Elsewhere,
): Verdict => {
  const column = columnOf(status);
  const cells = TABLES[phase][column];
  const verdict = cellElsewhere(phase, column, input, elsewhere) ?? cells?.[input] ?? cells?.other ?? NOTHING;
  return isNodeDone(status) ? { then: verdict.then } : verdict;
};

/** The cell that is another because of what the node has to do elsewhere, if it is. */
const cellElsewhere = (
  phase: JobPhase,
  column: Column,
  input: PartInput,
  elsewhere: Elsewhere,
): Verdict | undefined => {
  if (elsewhere === 'free') return undefined;
  const agreed = elsewhere === 'agreed' ? AGREED_ELSEWHERE[phase]?.[column]?.[input] : undefined;
  return agreed ?? BUSY_ELSEWHERE[phase]?.[column]?.[input];
};
