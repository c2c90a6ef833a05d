import type { JobEvent } from '../../../shared/protocol/feed-event.js';
import {
  isJobOver,
  type JobStatus,
  NODE_STATUS_CODES,
  type NodeStatus,
} from '../../../shared/protocol/job-status.js';
import {
  type Consequence,
  type Elsewhere,
  type JobPhase,
  judgePart,
  type PartInput,
} from './job-node-machine.js';

/**
 * A job as a whole (job lifecycle, "States"). It knows how many of its nodes are in which status, not which: a step
 * costs the same for one node and for ten thousand. The nodes' own statuses are kept by whoever executes the effects.
 *
 * Phases and their exits:
 * - `voting`: until no node is `new` → `running` where the quorum is there, otherwise the ready nodes are let go and
 *   the job ends as `quorum_failed`.
 * - `running`: until no node is `ready` or `running` → ends as `complete`.
 * - either: a time-out or a user's wish ends all nodes' parts, then the job ends as `timed_out` or `aborted`.
 * - `over`: the outcome is being stored, together with the event that tells it. No exit.
 */
export interface JobState {
  readonly phase: JobPhase;
  readonly status: JobStatus;
  readonly quorum: number;
  readonly tally: Readonly<Record<NodeStatus, number>>;
  /** What the job will have ended as once the last node's part has; undefined while that is open. */
  readonly outcome: JobStatus | undefined;
}

export type JobInput =
  | {
      readonly type: 'part';
      readonly node: string;
      readonly status: NodeStatus;
      readonly input: PartInput;
      readonly elsewhere: Elsewhere;
    }
  | { readonly type: 'voting_timeout' }
  | { readonly type: 'run_timeout' }
  | { readonly type: 'called_off' }
  /** After a restart: go on from what was stored. */
  | { readonly type: 'recovered' }
  /** The outcome and all that led to it are stored. */
  | { readonly type: 'outcome_stored' };

export type JobEffect =
  | { readonly type: 'emit'; readonly event: JobEvent }
  | { readonly type: 'set_node'; readonly node: string; readonly status: NodeStatus }
  | { readonly type: 'rehab'; readonly node: string }
  /** Give this input to every node that is in one of these statuses. */
  | { readonly type: 'each'; readonly statuses: readonly NodeStatus[]; readonly input: PartInput }
  /** Store the status, send `run` to every ready node and start the timer of `run_timeout`. */
  | { readonly type: 'run' }
  /** Store the outcome, then come back with `outcome_stored`. */
  | { readonly type: 'store_outcome'; readonly status: JobStatus }
  /** All is told; nothing follows any more. */
  | { readonly type: 'ended' };

export interface JobStep {
  readonly state: JobState;
  readonly effects: readonly JobEffect[];
}

const LIVE: readonly NodeStatus[] = ['new', 'ready', 'running'];

const noNodes = (): Record<NodeStatus, number> => {
  const statuses = Object.keys(NODE_STATUS_CODES) as NodeStatus[];
  return Object.fromEntries(statuses.map((status) => [status, 0])) as Record<NodeStatus, number>;
};

const phaseOf = (status: JobStatus): JobPhase => {
  if (isJobOver(status)) return 'over';
  return status === 'running' ? 'running' : 'voting';
};

/** The state of a job whose nodes have these statuses; for a new job they are all `new`. */
export const jobState = (status: JobStatus, quorum: number, nodes: Iterable<NodeStatus>): JobState => {
  const tally = noNodes();
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
    case 'part':
      return partChanged(state, input);
    case 'recovered':
      return recovered(state);
    case 'voting_timeout':
      return { state, effects: [{ type: 'each', statuses: ['new'], input: 'voting_timeout' }] };
    case 'run_timeout':
      return endAs(state, 'timed_out', LIVE, 'run_timeout');
    case 'called_off':
      return endAs(state, 'aborted', LIVE, 'called_off');
    case 'outcome_stored':
      return { state: { ...state, status: state.outcome ?? state.status }, effects: [{ type: 'ended' }] };
  }
};

const tellEnd = (outcome: JobStatus): JobEffect => ({
  type: 'emit',
  event: { name: 'job_complete', data: { status: outcome } },
});

/** Goes on; also with an end that had begun: only such an end leaves nodes that are timed out or aborted. */
const recovered = (state: JobState): JobStep => {
  if (state.phase === 'over') return { state, effects: [tellEnd(state.status), { type: 'ended' }] };
  if (state.tally.timed_out > 0) return endAs(state, 'timed_out', LIVE, 'run_timeout');
  if (state.tally.aborted > 0) return endAs(state, 'aborted', LIVE, 'called_off');
  return settle(state, []);
};

const partChanged = (
  state: JobState,
  { node, status, input, elsewhere }: Extract<JobInput, { type: 'part' }>,
): JobStep => {
  // What the job ends with has been given to the nodes that were ready: none of them may become new.
  if (input === 'asked_again' && state.outcome !== undefined) return { state, effects: [] };
  const verdict = judgePart(state.phase, status, input, elsewhere);
  const effects = verdict.then.flatMap((consequence) => effectsOf(node, consequence));
  if (verdict.status === undefined || verdict.status === status) return { state, effects };

  const { tally } = state;
  const moved = { [status]: tally[status] - 1, [verdict.status]: tally[verdict.status] + 1 };
  const next = { ...state, tally: { ...tally, ...moved } };
  return settle(next, [{ type: 'set_node', node, status: verdict.status }, ...effects]);
};

const effectsOf = (node: string, consequence: Consequence): JobEffect[] => {
  if (consequence === 'quiet_rehab') return [{ type: 'rehab', node }];
  if (consequence === 'rehab') {
    return [
      { type: 'emit', event: { name: 'rehab', data: { node } } },
      { type: 'rehab', node },
    ];
  }
  if (consequence === 'run_start') return [{ type: 'emit', event: { name: 'run_start', data: { node } } }];
  if ('vote' in consequence) {
    return [{ type: 'emit', event: { name: 'quorum_vote', data: { node, status: consequence.vote } } }];
  }
  return [{ type: 'emit', event: { name: 'run_complete', data: { node, status: consequence.runComplete } } }];
};

/** Goes on where nothing is waited for any more. */
const settle = (state: JobState, effects: readonly JobEffect[]): JobStep => {
  const { tally } = state;
  if (state.phase === 'over') return { state, effects };
  if (
    tally.new + tally.ready + tally.running === 0 &&
    (state.outcome !== undefined || state.phase === 'running')
  ) {
    const outcome = state.outcome ?? 'complete';
    return {
      state: { ...state, phase: 'over', outcome },
      effects: [...effects, { type: 'store_outcome', status: outcome }, tellEnd(outcome)],
    };
  }
  if (state.phase === 'voting' && state.outcome === undefined && tally.new === 0)
    return countVotes(state, effects);
  return { state, effects };
};

const countVotes = (state: JobState, effects: readonly JobEffect[]): JobStep => {
  if (state.tally.ready < state.quorum) {
    const { state: next, effects: more } = endAs(state, 'quorum_failed', ['ready'], 'quorum_failed');
    return { state: next, effects: [...effects, ...more] };
  }
  const running: JobState = { ...state, phase: 'running', status: 'running' };
  return settle(running, [
    ...effects,
    { type: 'emit', event: { name: 'quorum_succeeded', data: {} } },
    { type: 'run' },
  ]);
};

/** Ends the parts of all nodes in these statuses; the job ends with the last of them. */
const endAs = (
  state: JobState,
  outcome: JobStatus,
  statuses: readonly NodeStatus[],
  input: PartInput,
): JobStep => {
  if (state.phase === 'over' || state.outcome !== undefined) return { state, effects: [] };
  return settle({ ...state, outcome }, [{ type: 'each', statuses, input }]);
};
