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
 * Presence is independent of the mode: a valid message makes a node online, silence makes it offline.
 */
export type NodeMode = 'unknown' | 'rehab' | 'idle';

export interface NodeMachineState {
  readonly mode: NodeMode;
  readonly online: boolean;
  /** The known client process; undefined before the first message ever. */
  readonly incarnation: string | undefined;
  /** Exponential moving average of messages per interval. */
  readonly average: number;
  /** Messages in the current interval. */
  readonly messages: number;
  /** Consecutive intervals without a message. */
  readonly silentIntervals: number;
}

/** The settings that decide when a node is offline. */
export interface PresenceRules {
  readonly downThreshold: number;
  readonly decayWindow: number;
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
  | { readonly type: 'notify_down'; readonly reason: string }
  /** The node must drop what it does. `byJob` is the job that requested it, and needs no notification. */
  | { readonly type: 'notify_rehab'; readonly reason: string; readonly byJob: string | undefined };

/** The next state, and what to do. */
export interface NodeTransition {
  readonly state: NodeMachineState;
  readonly effects: readonly NodeEffect[];
}

/** After this many intervals without a message a node is offline, whatever its average. */
const MAX_SILENT_INTERVALS = 2;

const STRAY_JOB = 'it names a job that is not live';

/** The state of a node at the start of the server; `incarnation` is the client process that is stored. */
export const unknownNode = (incarnation: string | undefined): NodeMachineState => ({
  mode: 'unknown',
  online: false,
  incarnation,
  average: 0,
  messages: 0,
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
      return messageReceived(markOnline(state, rules), input, !state.online);
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

/** A node that comes online starts with a new average. */
const markOnline = (state: NodeMachineState, rules: PresenceRules): NodeMachineState => ({
  ...state,
  online: true,
  average: state.online ? state.average : 2 * rules.downThreshold,
  messages: state.messages + 1,
  silentIntervals: 0,
});

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
  const average = state.average * (1 - 1 / rules.decayWindow) + state.messages / rules.decayWindow;
  const silentIntervals = state.messages === 0 ? state.silentIntervals + 1 : 0;
  const next = { ...state, average, silentIntervals, messages: 0 };
  if (average >= rules.downThreshold && silentIntervals < MAX_SILENT_INTERVALS)
    return { state: next, effects: [] };
  return {
    state: { ...next, online: false },
    effects: [{ type: 'clear_rehab_timer' }, { type: 'notify_down', reason: 'no heartbeats came' }],
  };
};
