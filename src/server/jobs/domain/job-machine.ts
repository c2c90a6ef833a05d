import type { JobEvent } from '../../../shared/protocol/feed-event.js';
import {
  isJobOver,
  type JobStatus,
  NODE_STATUS_CODES,
  type NodeStatus,
} from '../../../shared/protocol/job-status.js';
import {
  type JobNodeEffect,
  type JobNodeInput,
  type JobPhase,
  nextNodeStatus,
  type OtherJobs,
} from './job-node-machine.js';

/**
 * State machine of a job. See docs/spec/job-lifecycle.md, "States".
 *
 * The state counts the nodes by status and does not name them, so a step costs the same for one node and for ten
 * thousand. The executor of the effects keeps the status of each node.
 *
 * Phases and their exits:
 * - `voting`: until no node is `new` → `running` if the quorum is reached; else the ready nodes become `was_ready` and
 *   the job ends as `quorum_failed`.
 * - `running`: until no node is `ready` or `running` → the job ends as `complete`.
 * - `voting` or `running`: a run timeout or an abort ends all job nodes, then the job ends as `timed_out` or `aborted`.
 * - `over`: the outcome and the `job_complete` event are being stored. No exit.
 */
export interface JobState {
  readonly phase: JobPhase;
  readonly status: JobStatus;
  readonly quorum: number;
  readonly tally: Readonly<Record<NodeStatus, number>>;
  /** The status in which the job ends once its last node has ended; undefined while that is open. */
  readonly outcome: JobStatus | undefined;
}

export type JobInput =
  | {
      readonly type: 'node';
      readonly node: string;
      readonly status: NodeStatus;
      readonly input: JobNodeInput;
      readonly otherJobs: OtherJobs;
    }
  | { readonly type: 'voting_timeout' }
  | { readonly type: 'run_timeout' }
  | { readonly type: 'abort_requested' }
  /** The server has restarted: continue from the stored state. */
  | { readonly type: 'recovered' }
  /** The outcome and everything before it are stored. */
  | { readonly type: 'outcome_stored' };

export type JobEffect =
  | { readonly type: 'emit'; readonly event: JobEvent }
  | { readonly type: 'set_node'; readonly node: string; readonly status: NodeStatus }
  | { readonly type: 'rehab'; readonly node: string }
  /** Give this input to every node that is in one of these statuses. */
  | { readonly type: 'each_node'; readonly statuses: readonly NodeStatus[]; readonly input: JobNodeInput }
  /** Store the status, send `run` to every ready node and start the timer of `run_timeout`. */
  | { readonly type: 'run' }
  /** Store the outcome, then return `outcome_stored` as input. */
  | { readonly type: 'store_outcome'; readonly status: JobStatus }
  /** The job has ended and no effect follows. */
  | { readonly type: 'ended' };

export interface JobStep {
  readonly state: JobState;
  readonly effects: readonly JobEffect[];
}

const LIVE_STATUSES: readonly NodeStatus[] = ['new', 'ready', 'running'];

const emptyTally = (): Record<NodeStatus, number> => {
  const statuses = Object.keys(NODE_STATUS_CODES) as NodeStatus[];
  return Object.fromEntries(statuses.map((status) => [status, 0])) as Record<NodeStatus, number>;
};

const phaseOf = (status: JobStatus): JobPhase => {
  if (isJobOver(status)) return 'over';
  return status === 'running' ? 'running' : 'voting';
};

/** Returns the state of a job whose nodes have these statuses. */
export const jobState = (status: JobStatus, quorum: number, nodes: Iterable<NodeStatus>): JobState => {
  const tally = emptyTally();
  for (const node of nodes) tally[node]++;
  return {
    phase: phaseOf(status),
    status: status === 'new' ? 'voting' : status,
    quorum,
    tally,
    outcome: isJobOver(status) ? status : undefined,
  };
};

/** Takes a job from one state to the next. */
export const reduceJob = (state: JobState, input: JobInput): JobStep => {
  switch (input.type) {
    case 'node':
      return reduceNode(state, input);
    case 'recovered':
      return recover(state);
    case 'voting_timeout':
      return { state, effects: [{ type: 'each_node', statuses: ['new'], input: 'voting_timeout' }] };
    case 'run_timeout':
      return endAs(state, 'timed_out', LIVE_STATUSES, 'run_timeout');
    case 'abort_requested':
      return endAs(state, 'aborted', LIVE_STATUSES, 'abort_requested');
    case 'outcome_stored':
      return { state: { ...state, status: state.outcome ?? state.status }, effects: [{ type: 'ended' }] };
  }
};

const emitJobComplete = (outcome: JobStatus): JobEffect => ({
  type: 'emit',
  event: { name: 'job_complete', data: { status: outcome } },
});

/** Completes a timeout or an abort that the restart has interrupted: only these leave nodes `timed_out` or `aborted`. */
const recover = (state: JobState): JobStep => {
  if (state.phase === 'over') return { state, effects: [emitJobComplete(state.status), { type: 'ended' }] };
  if (state.tally.timed_out > 0) return endAs(state, 'timed_out', LIVE_STATUSES, 'run_timeout');
  if (state.tally.aborted > 0) return endAs(state, 'aborted', LIVE_STATUSES, 'abort_requested');
  return advance(state, []);
};

const reduceNode = (
  state: JobState,
  { node, status, input, otherJobs }: Extract<JobInput, { type: 'node' }>,
): JobStep => {
  // The ready nodes already have the input that ends the job. A node that became `new` now would miss it.
  if (input === 'commit_resent' && state.outcome !== undefined) return { state, effects: [] };
  const step = nextNodeStatus(state.phase, status, input, otherJobs);
  const effects = step.effects.flatMap((effect) => jobEffectsOf(node, effect));
  if (step.status === undefined || step.status === status) return { state, effects };

  const { tally } = state;
  const moved = { [status]: tally[status] - 1, [step.status]: tally[step.status] + 1 };
  const next = { ...state, tally: { ...tally, ...moved } };
  return advance(next, [{ type: 'set_node', node, status: step.status }, ...effects]);
};

const jobEffectsOf = (node: string, effect: JobNodeEffect): JobEffect[] => {
  if (effect === 'quiet_rehab') return [{ type: 'rehab', node }];
  const rehabEvent: JobEffect = { type: 'emit', event: { name: 'rehab', data: { node } } };
  if (effect === 'rehab') return [rehabEvent, { type: 'rehab', node }];
  if (effect === 'rehab_event') return [rehabEvent];
  if (effect === 'run_start') return [{ type: 'emit', event: { name: 'run_start', data: { node } } }];
  if ('vote' in effect) {
    return [{ type: 'emit', event: { name: 'quorum_vote', data: { node, status: effect.vote } } }];
  }
  return [{ type: 'emit', event: { name: 'run_complete', data: { node, status: effect.runComplete } } }];
};

/** Enters the next phase if the current one waits for no node any more. */
const advance = (state: JobState, effects: readonly JobEffect[]): JobStep => {
  const { phase, tally } = state;
  if (phase === 'over') return { state, effects };
  const hasLiveNodes = tally.new + tally.ready + tally.running > 0;
  const isEnding = state.outcome !== undefined;
  if (!hasLiveNodes && (isEnding || phase === 'running')) {
    const outcome = state.outcome ?? 'complete';
    return {
      state: { ...state, phase: 'over', outcome },
      effects: [...effects, { type: 'store_outcome', status: outcome }, emitJobComplete(outcome)],
    };
  }
  const hasAllVotes = phase === 'voting' && tally.new === 0;
  return hasAllVotes && !isEnding ? countVotes(state, effects) : { state, effects };
};

const countVotes = (state: JobState, effects: readonly JobEffect[]): JobStep => {
  if (state.tally.ready < state.quorum) {
    const { state: next, effects: more } = endAs(state, 'quorum_failed', ['ready'], 'quorum_failed');
    return { state: next, effects: [...effects, ...more] };
  }
  const running: JobState = { ...state, phase: 'running', status: 'running' };
  return advance(running, [
    ...effects,
    { type: 'emit', event: { name: 'quorum_succeeded', data: {} } },
    { type: 'run' },
  ]);
};

/** Ends all nodes in these statuses; the job ends with the last of them. */
const endAs = (
  state: JobState,
  outcome: JobStatus,
  statuses: readonly NodeStatus[],
  input: JobNodeInput,
): JobStep => {
  if (state.phase === 'over' || state.outcome !== undefined) return { state, effects: [] };
  return advance({ ...state, outcome }, [{ type: 'each_node', statuses, input }]);
};
