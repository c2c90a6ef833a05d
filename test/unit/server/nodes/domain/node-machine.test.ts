import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type NodeEffect,
  type NodeInput,
  type NodeMachineState,
  reduceNode,
  unheardNode,
} from '../../../../../src/server/nodes/domain/node-machine.js';

const RULES = { downThreshold: 0.6, decayWindow: 4 };

type Heard = Extract<NodeInput, { type: 'heard' }>;

const heard = (over: Partial<Heard> = {}): Heard => ({
  type: 'heard',
  kind: 'heartbeat',
  incarnation: 'A',
  firstOnConnection: false,
  strayJob: false,
  ...over,
});

const idle: NodeMachineState = {
  mode: 'idle',
  online: true,
  incarnation: 'A',
  average: 1,
  beats: 1,
  silentIntervals: 0,
};
const STATES = {
  'never known': unheardNode(undefined),
  'known, not heard': unheardNode('A'),
  rehab: { ...idle, mode: 'rehab' },
  'rehab, offline': { ...idle, mode: 'rehab', online: false },
  idle,
  'idle, offline': { ...idle, online: false },
} as const satisfies Record<string, NodeMachineState>;

const INPUTS = {
  heartbeat: heard(),
  'first heartbeat': heard({ firstOnConnection: true }),
  'stray heartbeat': heard({ strayJob: true }),
  aborted: heard({ kind: 'aborted' }),
  'first aborted': heard({ kind: 'aborted', firstOnConnection: true }),
  'job message': heard({ kind: 'other' }),
  'first job message': heard({ kind: 'other', firstOnConnection: true }),
  'stray job message': heard({ kind: 'other', strayJob: true }),
  output: heard({ kind: 'output' }),
  'first output': heard({ kind: 'output', firstOnConnection: true }),
  'stray output': heard({ kind: 'output', strayJob: true }),
  'first stray output': heard({ kind: 'output', strayJob: true, firstOnConnection: true }),
  'other process': heard({ incarnation: 'B' }),
  "other process' aborted": heard({ incarnation: 'B', kind: 'aborted' }),
  'rehab wanted': { type: 'rehab_wanted', reason: 'a job says so', byJob: 'J' },
  'rehab timer': { type: 'rehab_timer_fired' },
} as const satisfies Record<string, NodeInput>;

const textOf = (effect: NodeEffect): string => {
  switch (effect.type) {
    case 'remember_incarnation':
      return `remember ${effect.incarnation}`;
    case 'tell_rehab':
      return effect.byJob === undefined ? 'tell rehab' : `tell rehab by ${effect.byJob}`;
    case 'set_rehab_timer':
      return 'timer';
    case 'clear_rehab_timer':
      return 'clear timer';
    case 'send_abort':
    case 'send_ack':
    case 'pass_on':
    case 'tell_down':
      return effect.type.replace('send_', '').replace('_', ' ');
  }
};

const FIRST_CONTACT = 'rehab: remember A, abort, timer, tell rehab';
const OTHER_PROCESS = 'rehab: remember B, abort, timer, tell rehab';
const STRAY = 'rehab: abort, timer, tell rehab';
const AGAIN = 'rehab: abort, timer';

/** What each input does in each state: the mode that follows, and the effects in order. */
const TABLE: Record<keyof typeof STATES, Record<keyof typeof INPUTS, string>> = {
  'never known': {
    heartbeat: FIRST_CONTACT,
    'first heartbeat': FIRST_CONTACT,
    'stray heartbeat': FIRST_CONTACT,
    aborted: FIRST_CONTACT,
    'first aborted': FIRST_CONTACT,
    'job message': FIRST_CONTACT,
    'first job message': FIRST_CONTACT,
    'stray job message': FIRST_CONTACT,
    output: FIRST_CONTACT,
    'first output': FIRST_CONTACT,
    'stray output': FIRST_CONTACT,
    'first stray output': FIRST_CONTACT,
    'other process': OTHER_PROCESS,
    "other process' aborted": OTHER_PROCESS,
    'rehab wanted': 'unheard: ',
    'rehab timer': 'unheard: ',
  },
  'known, not heard': {
    heartbeat: 'idle: ack, pass on',
    'first heartbeat': 'idle: ack, pass on',
    'stray heartbeat': STRAY,
    aborted: 'idle: ack, pass on',
    'first aborted': 'idle: ack, pass on',
    'job message': 'idle: ack, pass on',
    'first job message': 'idle: ack, pass on',
    'stray job message': 'rehab: pass on, abort, timer, tell rehab',
    output: 'idle: ack, pass on',
    'first output': 'idle: ack, pass on',
    'stray output': 'unheard: pass on',
    'first stray output': 'unheard: ack, pass on',
    'other process': OTHER_PROCESS,
    "other process' aborted": OTHER_PROCESS,
    'rehab wanted': 'unheard: ',
    'rehab timer': 'unheard: ',
  },
  rehab: {
    heartbeat: 'rehab: ',
    'first heartbeat': AGAIN,
    'stray heartbeat': 'rehab: ',
    aborted: 'idle: clear timer',
    'first aborted': 'idle: clear timer, ack',
    'job message': 'rehab: pass on',
    'first job message': 'rehab: pass on, abort, timer',
    'stray job message': 'rehab: pass on',
    output: 'rehab: pass on',
    'first output': 'rehab: pass on, abort, timer',
    'stray output': 'rehab: pass on',
    'first stray output': 'rehab: pass on, abort, timer',
    'other process': OTHER_PROCESS,
    "other process' aborted": OTHER_PROCESS,
    'rehab wanted': 'rehab: ',
    'rehab timer': AGAIN,
  },
  'rehab, offline': {
    heartbeat: AGAIN,
    'first heartbeat': AGAIN,
    'stray heartbeat': AGAIN,
    aborted: 'idle: clear timer',
    'first aborted': 'idle: clear timer, ack',
    'job message': 'rehab: pass on, abort, timer',
    'first job message': 'rehab: pass on, abort, timer',
    'stray job message': 'rehab: pass on, abort, timer',
    output: 'rehab: pass on, abort, timer',
    'first output': 'rehab: pass on, abort, timer',
    'stray output': 'rehab: pass on, abort, timer',
    'first stray output': 'rehab: pass on, abort, timer',
    'other process': OTHER_PROCESS,
    "other process' aborted": OTHER_PROCESS,
    'rehab wanted': 'rehab: ',
    'rehab timer': 'rehab: ',
  },
  idle: {
    heartbeat: 'idle: pass on',
    'first heartbeat': 'idle: ack, pass on',
    'stray heartbeat': STRAY,
    aborted: 'idle: pass on',
    'first aborted': 'idle: ack, pass on',
    'job message': 'idle: pass on',
    'first job message': 'idle: ack, pass on',
    'stray job message': 'idle: pass on',
    output: 'idle: pass on',
    'first output': 'idle: ack, pass on',
    'stray output': 'idle: pass on',
    'first stray output': 'idle: ack, pass on',
    'other process': OTHER_PROCESS,
    "other process' aborted": OTHER_PROCESS,
    'rehab wanted': 'rehab: abort, timer, tell rehab by J',
    'rehab timer': 'idle: ',
  },
  'idle, offline': {
    heartbeat: 'idle: pass on',
    'first heartbeat': 'idle: ack, pass on',
    'stray heartbeat': STRAY,
    aborted: 'idle: pass on',
    'first aborted': 'idle: ack, pass on',
    'job message': 'idle: pass on',
    'first job message': 'idle: ack, pass on',
    'stray job message': 'idle: pass on',
    output: 'idle: pass on',
    'first output': 'idle: ack, pass on',
    'stray output': 'idle: pass on',
    'first stray output': 'idle: ack, pass on',
    'other process': OTHER_PROCESS,
    "other process' aborted": OTHER_PROCESS,
    'rehab wanted': 'rehab: tell rehab by J',
    'rehab timer': 'idle: ',
  },
};

const cells = Object.entries(TABLE).flatMap(([state, row]) =>
  Object.entries(row).map(([input, outcome]) => ({ state, input, outcome })),
);

describe('a node', () => {
  test.each(cells)('that is $state, given $input → $outcome', ({ state, input, outcome }) => {
    const before = STATES[state as keyof typeof STATES];
    const given: NodeInput = INPUTS[input as keyof typeof INPUTS];
    const { state: after, effects } = reduceNode(before, given, RULES);
    expect(`${after.mode}: ${effects.map(textOf).join(', ')}`).toBe(outcome);
    expect(after.online).toBe(given.type === 'heard' || before.online);
  });
});

/** Lets intervals end, each after so many heartbeats; hands back whether the node was online after each. */
const presence = (start: NodeMachineState, beats: readonly number[]): boolean[] => {
  let state = start;
  return beats.map((count) => {
    for (let beat = 0; beat < count; beat++) state = reduceNode(state, heard(), RULES).state;
    state = reduceNode(state, { type: 'interval_ended' }, RULES).state;
    return state.online;
  });
};

describe('the presence of a node', () => {
  test('ends with the second missed interval, and its jobs are told once', () => {
    const steady = { ...idle, beats: 0 };
    const first = reduceNode(steady, { type: 'interval_ended' }, RULES);
    expect(first).toMatchObject({ state: { online: true, average: 0.75 }, effects: [] });
    const second = reduceNode(first.state, { type: 'interval_ended' }, RULES);
    expect(second.state.online).toBe(false);
    expect(second.effects.map(textOf)).toEqual(['clear timer', 'tell down']);
    expect(reduceNode(second.state, { type: 'interval_ended' }, RULES).effects).toEqual([]);
  });

  test('begins with twice the threshold at the first message', () => {
    expect(reduceNode(unheardNode('A'), heard(), RULES).state).toMatchObject({ online: true, average: 1.2 });
  });

  test('outlasts one missed interval now and then', () => {
    expect(presence(idle, [1, 0, 1, 1, 0, 1, 1, 1, 0, 2])).toEqual(Array(10).fill(true));
  });

  test('ends within three intervals of silence, however many messages came before', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { maxLength: 30 }), (beats) => {
        const after = presence(reduceNode(unheardNode('A'), heard(), RULES).state, [...beats, 0, 0, 0]);
        expect(after.at(-1)).toBe(false);
      }),
    );
  });

  test('lasts as long as a heartbeat comes in every interval', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 50 }), (beats) => {
        expect(presence(reduceNode(unheardNode('A'), heard(), RULES).state, beats)).not.toContain(false);
      }),
    );
  });
});

test('whatever comes, a process that was not heard before is never believed before it was told to abort', () => {
  const input = fc.oneof(
    fc.constantFrom<NodeInput>(...Object.values(INPUTS)),
    fc.constant<NodeInput>({ type: 'interval_ended' }),
  );
  fc.assert(
    fc.property(fc.array(input, { maxLength: 40 }), (inputs) => {
      let state = unheardNode(undefined);
      const aborted = new Set<string>();
      for (const given of inputs) {
        const { state: next, effects } = reduceNode(state, given, RULES);
        const types = effects.map(({ type }) => type);
        if (types.includes('send_abort')) aborted.add(next.incarnation!);
        if (types.includes('pass_on')) expect(aborted).toContain(next.incarnation);
        if (next.mode === 'idle') expect(aborted).toContain(next.incarnation);
        // An offline node is sent nothing, and in rehab a timer is set whenever an abort is.
        if (!next.online) expect(types).not.toContain('send_abort');
        if (types.includes('send_abort')) expect(types).toContain('set_rehab_timer');
        state = next;
      }
    }),
    { numRuns: 1_000 },
  );
});
