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
 * Rehab makes a node drop everything it does, and a client does one job at a time. So a node that has voted yes to
 * another job, or may still run another one, is never sent to rehab: it does not do this job (`withoutRehab`). If it does,
 * its heartbeats name this job after its end, and then it goes to rehab. A node that still has votes to give in other live
 * jobs is not sent to rehab for a job that it has not voted yes to, nor because it declines this job (`PENDING_CELLS`).
 *
 * Silence is no reason for rehab: the node may still do what it did.
 */
export type JobNodeInput =
  | 'ack_commit'
  | 'nack_commit'
  | 'ack_run'
  | 'nack_run'
  | 'succeeded'
  | 'failed'
  | 'aborted'
  /** The node has a new incarnation, goes to rehab for another reason, or ended the job without a result. */
  | 'down'
  /** The node is silent. It may still do what it did. */
  | 'offline'
  /** The node is online, but cannot take a job now. */
  | 'not_eligible'
  /** The node has been silent for `lost_contact_timeout`. */
  | 'contact_lost'
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

/**
 * The other jobs of the node: none, or it has votes to give in live ones (`pending`), or it has voted yes to one or may
 * still run one (`committed`).
 */
export type OtherJobs = 'none' | 'pending' | 'committed';

/**
 * What follows besides a new status, in order. `rehab` emits an event as well, `quiet_rehab` does not. `rehab_event` only
 * emits the event, which readers of the feed expect.
 */
export type JobNodeEffect =
  | { readonly vote: VoteStatus }
  | { readonly runComplete: RunStatus }
  | 'run_start'
  | 'rehab'
  | 'quiet_rehab'
  | 'rehab_event';

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
  offline: IGNORE,
  not_eligible: IGNORE,
  contact_lost: IGNORE,
  switched_job: IGNORE,
  voting_timeout: IGNORE,
  run_timeout: IGNORE,
  quorum_failed: IGNORE,
  commit_resent: IGNORE,
};

const switchedJob: Cells = { switched_job: to('crashed', runComplete('crashed')) };
const lostVote: Cells = { contact_lost: to('unavailable', vote('down')) };
const lostRun: Cells = { contact_lost: to('crashed', runComplete('crashed')) };
const crashed = to('crashed', 'rehab', runComplete('crashed'));
const diedWhileRunning = stay('rehab', runComplete('client_died_while_running'));

const TABLES: Record<JobPhase, Table> = {
  voting: {
    new: {
      ...ignoredServerInputs,
      ...abortable,
      ...lostVote,
      offline: to('unavailable', vote('down'), 'rehab_event'),
      not_eligible: to('unavailable', vote('down')),
      ack_commit: to('ready', vote('success')),
      nack_commit: to('nacked', vote('failure')),
      down: to('unavailable', vote('down'), 'rehab'),
      voting_timeout: to('unavailable', vote('voting_timeout'), 'quiet_rehab'),
      other: to('unavailable', 'rehab'),
    },
    ready: {
      ...ignoredServerInputs,
      ...abortable,
      ...lostVote,
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
      ...lostRun,
      ack_run: to('running', 'run_start'),
      nack_run: to('failed', 'rehab', runComplete('run_nacked')),
      run_timeout: to('timed_out', 'quiet_rehab'),
      other: crashed,
    },
    running: {
      ...ignoredServerInputs,
      ...abortable,
      ...switchedJob,
      ...lostRun,
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

const ignoredLateNacks: Cells = { nack_commit: IGNORE, nack_run: IGNORE };

/** Cells that replace those of `TABLES` for a node in another live job. */
const PENDING_CELLS: Partial<Record<JobPhase, Table>> = {
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
  const pendingCell = otherJobs === 'none' ? undefined : PENDING_CELLS[phase]?.[column]?.[input];
  const step = pendingCell ?? cells?.[input] ?? cells?.other ?? IGNORE;
  const effects = otherJobs === 'committed' ? withoutRehab(step.effects) : step.effects;
  if (isNodeDone(status)) return { effects };
  return effects === step.effects ? step : { ...step, effects };
};

const isRehab = (effect: JobNodeEffect): boolean => effect === 'rehab' || effect === 'quiet_rehab';

/** The one place that keeps a job from ending what a node does in another job. */
const withoutRehab = (effects: readonly JobNodeEffect[]): readonly JobNodeEffect[] =>
  effects.filter((effect) => !isRehab(effect));
