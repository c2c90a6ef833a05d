import type { RunStatus, VoteStatus } from '../../../shared/protocol/feed-event.js';
import { isNodeDone, type NodeStatus } from '../../../shared/protocol/job-status.js';

/**
 * State machine of a job node: what each input does to it. See docs/spec/job-lifecycle.md, "Voting", "Running" and
 * "Nodes in several jobs".
 *
 * The tables below are the machine. An input without a cell of its own uses the `other` cell of its column. A column
 * without an `other` cell ignores that input.
 *
 * States and their exits: `new` → ready, nacked, unavailable; `ready` → new, running, was_ready, failed, crashed,
 * unavailable, timed_out; `running` → succeeded, failed, crashed, timed_out; `new`, `ready`, `running` → aborted.
 * All others are terminal and have no exit.
 *
 * Rehab makes a node drop everything it does, and a client does one job at a time. So a node that is also in another
 * live job is not sent to rehab for a job that it has not voted yes to, nor because it declines this job
 * (`OTHER_JOB_CELLS`). If it votes yes later, it is sent to rehab then, like any node with a late vote. A
 * node that has voted yes to another job has already dropped this one: it needs no rehab (`COMMITTED_CELLS`).
 */
export type JobNodeInput =
  | 'ack_commit'
  | 'nack_commit'
  | 'ack_run'
  | 'nack_run'
  | 'succeeded'
  | 'failed'
  | 'aborted'
  /** The node is offline, has a new incarnation, is in rehab, or ended the job without a result. */
  | 'down'
  /** The node ended the job without a result and names another job. */
  | 'switched_job'
  | 'voting_timeout'
  | 'run_timeout'
  /** The job has failed its quorum. */
  | 'quorum_failed'
  /** A user aborts the job. */
  | 'abort_requested'
  /** The node has lost the `commit`, and gets it again. */
  | 'commit_resent';

/** How far the job is. */
export type JobPhase = 'voting' | 'running' | 'over';

/** The other live jobs of the node: none, or it has votes to give (`pending`), or it has voted yes (`committed`). */
export type OtherJobs = 'none' | 'pending' | 'committed';

/** What follows besides a new status, in order. `rehab` emits an event as well, `quiet_rehab` does not. */
export type JobNodeEffect =
  { readonly vote: VoteStatus } | { readonly runComplete: RunStatus } | 'run_start' | 'rehab' | 'quiet_rehab';

export interface JobNodeStep {
  /** The new status; left out if the status stays. */
  readonly status?: NodeStatus;
  readonly effects: readonly JobNodeEffect[];
}

type Column = 'new' | 'ready' | 'running' | 'terminal';
type Cells = Partial<Record<JobNodeInput | 'other', JobNodeStep>>;
type Table = Partial<Record<Column, Cells>>;

const IGNORE: JobNodeStep = { effects: [] };

const vote = (status: VoteStatus): JobNodeEffect => ({ vote: status });
const runComplete = (status: RunStatus): JobNodeEffect => ({ runComplete: status });

const to = (status: NodeStatus, ...effects: JobNodeEffect[]): JobNodeStep => ({ status, effects });
const stay = (...effects: JobNodeEffect[]): JobNodeStep => ({ effects });

const abortable: Cells = { abort_requested: to('aborted', 'quiet_rehab') };

/** Inputs that come from the server: they never use the `other` cell, which is for messages of nodes. */
const ignoredServerInputs: Cells = {
  switched_job: IGNORE,
  voting_timeout: IGNORE,
  run_timeout: IGNORE,
  quorum_failed: IGNORE,
  commit_resent: IGNORE,
};

const switchedJob: Cells = { switched_job: to('crashed', runComplete('crashed')) };
const crashed = to('crashed', 'rehab', runComplete('crashed'));
const diedWhileRunning = stay('rehab', runComplete('client_died_while_running'));

const TABLES: Record<JobPhase, Table> = {
  voting: {
    new: {
      ...ignoredServerInputs,
      ...abortable,
      ack_commit: to('ready', vote('success')),
      nack_commit: to('nacked', vote('failure')),
      down: to('unavailable', vote('down'), 'rehab'),
      voting_timeout: to('unavailable', vote('voting_timeout'), 'quiet_rehab'),
      other: to('unavailable', 'rehab'),
    },
    ready: {
      ...ignoredServerInputs,
      ...abortable,
      ack_commit: stay(vote('unexpected_commit')),
      nack_commit: to('unavailable', 'rehab', vote('lost_availibility')),
      down: to('unavailable', vote('down'), 'rehab'),
      quorum_failed: to('was_ready', 'quiet_rehab'),
      commit_resent: to('new'),
      other: to('unavailable', 'rehab'),
    },
    terminal: {
      ...ignoredServerInputs,
      abort_requested: IGNORE,
      ack_commit: stay('rehab', vote('client_died_while_voting')),
      nack_commit: stay('rehab', vote('client_died_while_voting')),
      down: stay(vote('down'), 'rehab'),
      other: stay('rehab'),
    },
  },
  running: {
    ready: {
      ...ignoredServerInputs,
      ...abortable,
      ...switchedJob,
      ack_run: to('running', 'run_start'),
      nack_run: to('failed', 'rehab', runComplete('run_nacked')),
      run_timeout: to('timed_out', 'quiet_rehab'),
      other: crashed,
    },
    running: {
      ...ignoredServerInputs,
      ...abortable,
      ...switchedJob,
      ack_run: IGNORE,
      nack_run: to('failed', 'rehab', runComplete('run_nacked_while_running')),
      succeeded: to('succeeded', runComplete('success')),
      failed: to('failed', runComplete('failure')),
      run_timeout: to('timed_out', 'quiet_rehab'),
      other: crashed,
    },
    terminal: {
      ...ignoredServerInputs,
      abort_requested: IGNORE,
      ack_run: stay(runComplete('client_died_while_running'), 'rehab'),
      other: diedWhileRunning,
    },
  },
  // The feed is complete, so there are no events. A node that still acts on the job must drop it.
  over: { terminal: { ack_commit: stay('quiet_rehab'), ack_run: stay('quiet_rehab') } },
};

type TableOverrides = Partial<Record<JobPhase, Table>>;

const ignoredLateNacks: Cells = { nack_commit: IGNORE, nack_run: IGNORE };

/** Cells that replace those of `TABLES` for a node in another live job. */
const OTHER_JOB_CELLS: TableOverrides = {
  voting: {
    new: {
      abort_requested: to('aborted'),
      nack_run: to('unavailable'),
      voting_timeout: to('unavailable', vote('voting_timeout')),
    },
    terminal: ignoredLateNacks,
  },
  running: { terminal: ignoredLateNacks },
};

const withoutRehab: Cells = { run_timeout: to('timed_out'), abort_requested: to('aborted') };

/** Cells that also replace those of `TABLES` for a node that has voted yes to another live job. */
const COMMITTED_CELLS: TableOverrides = { running: { ready: withoutRehab, running: withoutRehab } };

const columnOf = (status: NodeStatus): Column => {
  if (status === 'new' || status === 'ready' || status === 'running') return status;
  return 'terminal';
};

/** Returns the step that an input causes. A terminal status never changes. */
export const nextNodeStatus = (
  phase: JobPhase,
  status: NodeStatus,
  input: JobNodeInput,
  otherJobs: OtherJobs,
): JobNodeStep => {
  const column = columnOf(status);
  const cells = TABLES[phase][column];
  const step = overrideFor(otherJobs, phase, column, input) ?? cells?.[input] ?? cells?.other ?? IGNORE;
  return isNodeDone(status) ? { effects: step.effects } : step;
};

const overrideFor = (
  otherJobs: OtherJobs,
  phase: JobPhase,
  column: Column,
  input: JobNodeInput,
): JobNodeStep | undefined => {
  if (otherJobs === 'none') return undefined;
  const committed = otherJobs === 'committed' ? COMMITTED_CELLS[phase]?.[column]?.[input] : undefined;
  return committed ?? OTHER_JOB_CELLS[phase]?.[column]?.[input];
};
