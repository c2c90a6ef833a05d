/**
 * What one node is to the server (wire protocol, sections 6 and 7).
 *
 * Modes and their exits:
 * - `unheard`: known from before a restart, or new. First message → `idle` where it is the process that we knew and its
 *   report agrees with what we believe, otherwise → `rehab`. Output of a job that is not live decides nothing: it may
 *   have been on its way when the job ended. Nor does the refusal of such a job: the node does not do it.
 * - `rehab`: told to drop what it does; `abort` is repeated until `aborted` comes → `idle`. Unavailable.
 * - `idle`: takes jobs, also while it runs one. Another incarnation, a report of a job that is not live, or a job's
 *   wish → `rehab`.
 * Online or not stands beside the mode: any valid message makes a node online, silence makes it offline.
 */
export type NodeMode = 'unheard' | 'rehab' | 'idle';

export interface NodeMachineState {
  readonly mode: NodeMode;
  readonly online: boolean;
  /** The client process that we know; undefined before the first message ever. */
  readonly incarnation: string | undefined;
  /** Exponential average of heartbeats in an interval. */
  readonly average: number;
  /** Messages heard in the interval that runs. */
  readonly beats: number;
  /** Intervals in a row without a message. */
  readonly silentIntervals: number;
}

/** How presence is judged; the names are those of the settings. */
export interface PresenceRules {
  readonly downThreshold: number;
  readonly decayWindow: number;
}

export type NodeInput =
  | {
      readonly type: 'heard';
      /** `output` is a piece of what a command writes: it proves nothing of what the node does now. */
      readonly kind: 'heartbeat' | 'aborted' | 'output' | 'other';
      readonly incarnation: string;
      readonly firstOnConnection: boolean;
      /** Whether it names a job that the node cannot be doing. */
      readonly strayJob: boolean;
    }
  | { readonly type: 'interval_ended' }
  | { readonly type: 'rehab_wanted'; readonly reason: string; readonly byJob: string | undefined }
  | { readonly type: 'rehab_timer_fired' };

export type NodeEffect =
  | { readonly type: 'send_abort' }
  | { readonly type: 'send_ack' }
  | { readonly type: 'set_rehab_timer' }
  | { readonly type: 'clear_rehab_timer' }
  | { readonly type: 'remember_incarnation'; readonly incarnation: string }
  /** Hand the message to the jobs. */
  | { readonly type: 'pass_on' }
  /** The node is gone: all jobs that it is in must know. */
  | { readonly type: 'tell_down'; readonly reason: string }
  /** The node drops what it does: jobs of which it has a live part must know, but the one that wanted it so. */
  | { readonly type: 'tell_rehab'; readonly reason: string; readonly byJob: string | undefined };

export interface NodeStep {
  readonly state: NodeMachineState;
  readonly effects: readonly NodeEffect[];
}

/** After this many intervals without a word a node is offline, whatever its average. */
const MAX_SILENT_INTERVALS = 2;

const STRAY = 'it names a job that is not live';

/** A node that has not been heard since the server started. */
export const unheardNode = (incarnation: string | undefined): NodeMachineState => ({
  mode: 'unheard',
  online: false,
  incarnation,
  average: 0,
  beats: 0,
  silentIntervals: 0,
});

/** Takes a node from one state to the next. */
export const reduceNode = (state: NodeMachineState, input: NodeInput, rules: PresenceRules): NodeStep => {
  switch (input.type) {
    case 'heard':
      return heard(present(state, rules), input, !state.online);
    case 'interval_ended':
      return intervalEnded(state, rules);
    case 'rehab_wanted':
      return state.mode === 'idle' ? toRehab(state, input.reason, input.byJob) : { state, effects: [] };
    case 'rehab_timer_fired':
      return state.mode === 'rehab' && state.online
        ? { state, effects: [{ type: 'send_abort' }, { type: 'set_rehab_timer' }] }
        : { state, effects: [] };
  }
};

/** The node has just been heard: it is online, with a fresh average where it was not. */
const present = (state: NodeMachineState, rules: PresenceRules): NodeMachineState => ({
  ...state,
  online: true,
  average: state.online ? state.average : 2 * rules.downThreshold,
  beats: state.beats + 1,
  silentIntervals: 0,
});

type Heard = Extract<NodeInput, { type: 'heard' }>;

const heard = (state: NodeMachineState, input: Heard, cameBack: boolean): NodeStep => {
  if (state.incarnation !== input.incarnation) {
    const reason = state.incarnation === undefined ? 'first contact' : 'the client was started again';
    const { state: next, effects } = toRehab({ ...state, incarnation: input.incarnation }, reason, undefined);
    return {
      state: next,
      effects: [{ type: 'remember_incarnation', incarnation: input.incarnation }, ...effects],
    };
  }
  switch (state.mode) {
    case 'unheard':
      if (input.strayJob) return strayAtFirst(state, input);
      return { state: { ...state, mode: 'idle' }, effects: [{ type: 'send_ack' }, { type: 'pass_on' }] };
    case 'rehab':
      return heardInRehab(state, input, cameBack);
    case 'idle':
      if (input.kind === 'heartbeat' && input.strayJob) return toRehab(state, STRAY, undefined);
      return { state, effects: [...answer(input), { type: 'pass_on' }] };
  }
};

/** Its job ended while the server was away. What it has to say of it, its output above all, is still taken. */
const strayAtFirst = (state: NodeMachineState, input: Heard): NodeStep => {
  if (input.kind === 'output') return { state, effects: [...answer(input), { type: 'pass_on' }] };
  const { state: next, effects } = toRehab(state, STRAY, undefined);
  return { state: next, effects: input.kind === 'other' ? [{ type: 'pass_on' }, ...effects] : effects };
};

/** A client waits for an answer to its first message on a connection. */
const answer = (input: Heard): NodeEffect[] => (input.firstOnConnection ? [{ type: 'send_ack' }] : []);

const heardInRehab = (state: NodeMachineState, input: Heard, cameBack: boolean): NodeStep => {
  if (input.kind === 'aborted') {
    return { state: { ...state, mode: 'idle' }, effects: [{ type: 'clear_rehab_timer' }, ...answer(input)] };
  }
  const passOn: NodeEffect[] = input.kind === 'heartbeat' ? [] : [{ type: 'pass_on' }];
  const again: NodeEffect[] =
    cameBack || input.firstOnConnection ? [{ type: 'send_abort' }, { type: 'set_rehab_timer' }] : [];
  return { state, effects: [...passOn, ...again] };
};

/** An offline node gets its `abort` when it comes back. */
const startAborting = (state: NodeMachineState): NodeEffect[] =>
  state.online ? [{ type: 'send_abort' }, { type: 'set_rehab_timer' }] : [];

const toRehab = (state: NodeMachineState, reason: string, byJob: string | undefined): NodeStep => ({
  state: { ...state, mode: 'rehab' },
  effects: [...startAborting(state), { type: 'tell_rehab', reason, byJob }],
});

const intervalEnded = (state: NodeMachineState, rules: PresenceRules): NodeStep => {
  if (!state.online) return { state, effects: [] };
  const average = state.average * (1 - 1 / rules.decayWindow) + state.beats / rules.decayWindow;
  const silentIntervals = state.beats === 0 ? state.silentIntervals + 1 : 0;
  const next = { ...state, average, silentIntervals, beats: 0 };
  if (average >= rules.downThreshold && silentIntervals < MAX_SILENT_INTERVALS)
    return { state: next, effects: [] };
  return {
    state: { ...next, online: false },
    effects: [{ type: 'clear_rehab_timer' }, { type: 'tell_down', reason: 'no heartbeats came' }],
  };
};
