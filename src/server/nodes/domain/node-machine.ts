/**
 * State machine of one node. See docs/spec/wire-protocol.md, "Server restart" and "Node state".
 *
 * - `unknown`: not heard since the server started. The first message leads to `idle` if it comes from the client process
 *   that the server knows and does not name a stray job, otherwise to `rehab`. Exception: output of a stray job changes
 *   nothing, because it may have been on its way when its job ended.
 * - `rehab`: must drop what it does and is unavailable. The server repeats `abort` until the node answers `aborted`, then
 *   it is `idle`.
 * - `idle`: takes jobs, also while it runs one. It goes to `rehab` if another client process is heard, if a heartbeat names
 *   a stray job, or if a job requests it.
 *
 * A result that a client kept when it was started again is delivered, and decides nothing: the client's next message
 * leads to `rehab`. So the result counts before the job takes the node as gone.
 *
 * Presence is independent of the mode: a valid message makes a node online, silence makes it offline. Silence does not
 * end what the node does, so it never leads to `rehab`.
 */
export type NodeMode = 'unknown' | 'rehab' | 'idle';

export interface NodeMachineState {
  readonly mode: NodeMode;
  readonly online: boolean;
  /** The known client process; undefined before the first message ever. */
  readonly incarnation: string | undefined;
  /** Whether a message came in the current interval. */
  readonly heard: boolean;
  /** Consecutive intervals without a message. */
  readonly silentIntervals: number;
}

export interface PresenceRules {
  /** After this many consecutive intervals without a message a node is offline. */
  readonly maxSilentIntervals: number;
}

export type NodeInput =
  | {
      readonly type: 'message_received';
      /**
       * `output` does not show what the node does now: it may be late. Nor does `kept_result`: the client sends it again
       * until it is confirmed, even after it was started again.
       */
      readonly kind: 'heartbeat' | 'aborted' | 'output' | 'kept_result' | 'other';
      readonly incarnation: string;
      readonly firstOnConnection: boolean;
      /** Whether the message names a job that the node cannot be doing. */
      readonly strayJob: boolean;
    }
  | { readonly type: 'interval_ended' }
  | { readonly type: 'rehab_requested'; readonly reason: string; readonly byJob: string | undefined }
  | { readonly type: 'rehab_timer_fired' };

export type NodeEffect =
  | { readonly type: 'send_abort' }
  | { readonly type: 'send_ack' }
  | { readonly type: 'set_rehab_timer' }
  | { readonly type: 'clear_rehab_timer' }
  | { readonly type: 'store_incarnation'; readonly incarnation: string }
  /** Deliver the message to the jobs. */
  | { readonly type: 'forward_message' }
  /** The node is offline. */
  | { readonly type: 'notify_offline' }
  /** The node must drop what it does. `byJob` is the job that requested it, and needs no notification. */
  | { readonly type: 'notify_rehab'; readonly reason: string; readonly byJob: string | undefined };

/** The next state, and what to do. */
export interface NodeTransition {
  readonly state: NodeMachineState;
  readonly effects: readonly NodeEffect[];
}

const MIN_SILENT_INTERVALS = 3;
const MAX_SILENT_INTERVALS = 60;

/**
 * Returns after how many silent intervals a node is offline: when an average of messages per interval with this window,
 * which was 1 before, falls below the threshold; but at least 3 and at most 60.
 */
export const silentIntervalsUntilOffline = (downThreshold: number, decayWindow: number): number => {
  const intervals = Math.ceil(Math.log(downThreshold) / Math.log(1 - 1 / decayWindow));
  return Math.min(MAX_SILENT_INTERVALS, Math.max(MIN_SILENT_INTERVALS, intervals));
};

const STRAY_JOB = 'it names a job that is not live';

/** The state of a node at the start of the server; `incarnation` is the client process that is stored. */
export const unknownNode = (incarnation: string | undefined): NodeMachineState => ({
  mode: 'unknown',
  online: false,
  incarnation,
  heard: false,
  silentIntervals: 0,
});

/** Returns the next state of a node, and the effects of an input. */
export const reduceNode = (
  state: NodeMachineState,
  input: NodeInput,
  rules: PresenceRules,
): NodeTransition => {
  switch (input.type) {
    case 'message_received':
      return messageReceived(markOnline(state), input, !state.online);
    case 'interval_ended':
      return intervalEnded(state, rules);
    case 'rehab_requested':
      return state.mode === 'idle' ? toRehab(state, input.reason, input.byJob) : { state, effects: [] };
    case 'rehab_timer_fired':
      return state.mode === 'rehab' && state.online
        ? { state, effects: [{ type: 'send_abort' }, { type: 'set_rehab_timer' }] }
        : { state, effects: [] };
  }
};

const markOnline = (state: NodeMachineState): NodeMachineState =>
  state.online && state.heard ? state : { ...state, online: true, heard: true };

type Received = Extract<NodeInput, { type: 'message_received' }>;

const messageReceived = (state: NodeMachineState, input: Received, cameBack: boolean): NodeTransition => {
  if (state.incarnation !== input.incarnation) {
    const isOfEarlierProcess = input.kind === 'kept_result' && state.incarnation !== undefined;
    if (isOfEarlierProcess) return { state, effects: [...ackIfFirst(input), { type: 'forward_message' }] };
    const reason = state.incarnation === undefined ? 'first contact' : 'the client was started again';
    const { state: next, effects } = toRehab({ ...state, incarnation: input.incarnation }, reason, undefined);
    return {
      state: next,
      effects: [{ type: 'store_incarnation', incarnation: input.incarnation }, ...effects],
    };
  }
  switch (state.mode) {
    case 'unknown':
      if (input.strayJob) return firstMessageNamesStrayJob(state, input);
      return {
        state: { ...state, mode: 'idle' },
        effects: [{ type: 'send_ack' }, { type: 'forward_message' }],
      };
    case 'rehab':
      return receivedInRehab(state, input, cameBack);
    case 'idle':
      if (input.kind === 'heartbeat' && input.strayJob) return toRehab(state, STRAY_JOB, undefined);
      return { state, effects: [...ackIfFirst(input), { type: 'forward_message' }] };
  }
};

/** The job ended while the server was down. Its messages are still forwarded, so that captured output is stored. */
const firstMessageNamesStrayJob = (state: NodeMachineState, input: Received): NodeTransition => {
  if (input.kind === 'output') return { state, effects: [...ackIfFirst(input), { type: 'forward_message' }] };
  const { state: next, effects } = toRehab(state, STRAY_JOB, undefined);
  return {
    state: next,
    effects: input.kind === 'other' ? [{ type: 'forward_message' }, ...effects] : effects,
  };
};

/** A client waits for a reply to its first message on a connection. */
const ackIfFirst = (input: Received): NodeEffect[] => (input.firstOnConnection ? [{ type: 'send_ack' }] : []);

const receivedInRehab = (state: NodeMachineState, input: Received, cameBack: boolean): NodeTransition => {
  if (input.kind === 'aborted') {
    return {
      state: { ...state, mode: 'idle' },
      effects: [{ type: 'clear_rehab_timer' }, ...ackIfFirst(input)],
    };
  }
  const forward: NodeEffect[] = input.kind === 'heartbeat' ? [] : [{ type: 'forward_message' }];
  const abortAgain: NodeEffect[] =
    cameBack || input.firstOnConnection ? [{ type: 'send_abort' }, { type: 'set_rehab_timer' }] : [];
  return { state, effects: [...forward, ...abortAgain] };
};

/** An offline node gets `abort` when it comes back. */
const startAborting = (state: NodeMachineState): NodeEffect[] =>
  state.online ? [{ type: 'send_abort' }, { type: 'set_rehab_timer' }] : [];

const toRehab = (state: NodeMachineState, reason: string, byJob: string | undefined): NodeTransition => ({
  state: { ...state, mode: 'rehab' },
  effects: [...startAborting(state), { type: 'notify_rehab', reason, byJob }],
});

const intervalEnded = (state: NodeMachineState, rules: PresenceRules): NodeTransition => {
  if (!state.online) return { state, effects: [] };
  const silentIntervals = state.heard ? 0 : state.silentIntervals + 1;
  const next = { ...state, silentIntervals, heard: false };
  if (silentIntervals < rules.maxSilentIntervals) return { state: next, effects: [] };
  return {
    state: { ...next, online: false },
    effects: [{ type: 'clear_rehab_timer' }, { type: 'notify_offline' }],
  };
};
