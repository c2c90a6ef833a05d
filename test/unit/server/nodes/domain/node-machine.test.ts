import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type NodeEffect,
  type NodeInput,
  type NodeMachineState,
  reduceNode,
  silentIntervalsUntilOffline,
  unknownNode,
} from '../../../../../src/server/nodes/domain/node-machine.js';

const RULES = { maxSilentIntervals: 3 };

type Received = Extract<NodeInput, { type: 'message_received' }>;

const received = (over: Partial<Received> = {}): Received => ({
  type: 'message_received',
  kind: 'heartbeat',
  incarnation: 'A',
  firstOnConnection: false,
  strayJob: false,
  ...over,
});

const KINDS = ['heartbeat', 'aborted', 'output', 'kept_result', 'other'] as const;
const REHAB_REQUESTED: NodeInput = { type: 'rehab_requested', reason: 'a job requests it', byJob: 'J' };
const REHAB_TIMER_FIRED: NodeInput = { type: 'rehab_timer_fired' };
const INTERVAL_ENDED: NodeInput = { type: 'interval_ended' };

/** Every message that a node of the client process `A` can send. */
const MESSAGES = KINDS.flatMap((kind) =>
  [false, true].flatMap((firstOnConnection) =>
    [false, true].map((strayJob) => received({ kind, firstOnConnection, strayJob })),
  ),
);

const neverHeard = unknownNode(undefined);
const unknown = unknownNode('A');
const idle: NodeMachineState = {
  mode: 'idle',
  online: true,
  incarnation: 'A',
  heard: true,
  silentIntervals: 0,
};
const idleOffline = { ...idle, online: false };
const rehab: NodeMachineState = { ...idle, mode: 'rehab' };
const rehabOffline = { ...rehab, online: false };
const ALL_STATES = [neverHeard, unknown, idle, idleOffline, rehab, rehabOffline];

const ABORT = ['send_abort', 'set_rehab_timer'];

/** The next mode, and the types of the effects in order. */
const step = (state: NodeMachineState, input: NodeInput): { mode: string; effects: NodeEffect['type'][] } => {
  const next = reduceNode(state, input, RULES);
  return { mode: next.state.mode, effects: next.effects.map(({ type }) => type) };
};

const label = ({ kind, firstOnConnection, strayJob }: Received): string =>
  `${kind}${firstOnConnection ? ', first on its connection' : ''}${strayJob ? ', names a stray job' : ''}`;
const labelled = (messages: readonly Received[]) =>
  messages.map((message) => [label(message), message] as const);

describe('a node whose client process the server does not know', () => {
  const fromB = labelled(MESSAGES.map((message) => ({ ...message, incarnation: 'B' })));

  const keptResults = fromB.filter(([, { kind }]) => kind === 'kept_result');
  it.each(keptResults)(
    'delivers a result that it kept when it was started again, and decides nothing: %s',
    (_label, message) => {
      for (const state of ALL_STATES.filter(({ incarnation }) => incarnation !== undefined)) {
        const { state: next, effects } = reduceNode(state, message, RULES);
        expect(next).toMatchObject({ mode: state.mode, online: true, incarnation: 'A' });
        expect(effects.map(({ type }) => type)).toEqual([
          ...(message.firstOnConnection ? ['send_ack'] : []),
          'forward_message',
        ]);
      }
      expect(step(neverHeard, message).mode).toBe('rehab');
    },
  );

  it.each(fromB.filter(([, { kind }]) => kind !== 'kept_result'))(
    'goes to rehab from every state, and its message is not forwarded: %s',
    (_label, message) => {
      for (const state of ALL_STATES) {
        const { state: next, effects } = reduceNode(state, message, RULES);
        expect(next).toMatchObject({ mode: 'rehab', online: true, incarnation: 'B' });
        expect(effects).toMatchObject([
          { type: 'store_incarnation', incarnation: 'B' },
          { type: 'send_abort' },
          { type: 'set_rehab_timer' },
          { type: 'notify_rehab', byJob: undefined },
        ]);
      }
    },
  );
});

describe('a node that was not heard since the restart', () => {
  it.each(labelled(MESSAGES.filter(({ strayJob }) => !strayJob)))(
    'is idle after a message of the known client process: %s',
    (_label, message) => {
      expect(step(unknown, message)).toEqual({ mode: 'idle', effects: ['send_ack', 'forward_message'] });
    },
  );

  it.each([true, false])(
    'goes to rehab if a heartbeat names a stray job; first on its connection: %s',
    (firstOnConnection) => {
      const message = received({ strayJob: true, firstOnConnection });
      expect(step(unknown, message)).toEqual({ mode: 'rehab', effects: [...ABORT, 'notify_rehab'] });
    },
  );

  it('goes to rehab if another message names a stray job, which is still forwarded', () => {
    const message = received({ kind: 'other', strayJob: true });
    expect(step(unknown, message)).toEqual({
      mode: 'rehab',
      effects: ['forward_message', ...ABORT, 'notify_rehab'],
    });
  });

  it('stays unknown after output of a stray job, which may be late', () => {
    const message = received({ kind: 'output', strayJob: true });
    expect(step(unknown, message)).toEqual({ mode: 'unknown', effects: ['forward_message'] });
    expect(step(unknown, { ...message, firstOnConnection: true })).toEqual({
      mode: 'unknown',
      effects: ['send_ack', 'forward_message'],
    });
  });

  it('ignores requests for rehab and the rehab timer', () => {
    for (const state of [neverHeard, unknown]) {
      expect(step(state, REHAB_REQUESTED)).toEqual({ mode: 'unknown', effects: [] });
      expect(step(state, REHAB_TIMER_FIRED)).toEqual({ mode: 'unknown', effects: [] });
    }
  });
});

describe('a node in rehab', () => {
  it('is idle after aborted, which is not forwarded', () => {
    for (const state of [rehab, rehabOffline]) {
      expect(step(state, received({ kind: 'aborted' }))).toEqual({
        mode: 'idle',
        effects: ['clear_rehab_timer'],
      });
      expect(step(state, received({ kind: 'aborted', firstOnConnection: true }))).toEqual({
        mode: 'idle',
        effects: ['clear_rehab_timer', 'send_ack'],
      });
    }
  });

  const others = MESSAGES.filter(({ kind }) => kind !== 'aborted');

  it.each(labelled(others))('stays in rehab; only heartbeats are not forwarded: %s', (_label, message) => {
    for (const state of [rehab, rehabOffline]) {
      const { mode, effects } = step(state, message);
      expect(mode).toBe('rehab');
      expect(effects.includes('forward_message')).toBe(message.kind !== 'heartbeat');
      expect(effects).not.toContain('notify_rehab');
      expect(effects).not.toContain('send_ack');
    }
  });

  it.each(labelled(others))('gets abort again if it comes back or reconnects: %s', (_label, message) => {
    const abortsOf = (state: NodeMachineState) =>
      step(state, message).effects.filter((type) => type !== 'forward_message');
    expect(abortsOf(rehab)).toEqual(message.firstOnConnection ? ABORT : []);
    expect(abortsOf(rehabOffline)).toEqual(ABORT);
  });

  it('gets abort each time the rehab timer fires, while it is online', () => {
    expect(step(rehab, REHAB_TIMER_FIRED)).toEqual({ mode: 'rehab', effects: ABORT });
    expect(step(rehabOffline, REHAB_TIMER_FIRED)).toEqual({ mode: 'rehab', effects: [] });
  });

  it('ignores further requests for rehab', () => {
    expect(step(rehab, REHAB_REQUESTED)).toEqual({ mode: 'rehab', effects: [] });
    expect(step(rehabOffline, REHAB_REQUESTED)).toEqual({ mode: 'rehab', effects: [] });
  });
});

describe('an idle node', () => {
  const isStrayHeartbeat = ({ kind, strayJob }: Received): boolean => kind === 'heartbeat' && strayJob;

  it.each(labelled(MESSAGES.filter((message) => !isStrayHeartbeat(message))))(
    'stays idle, and its message is forwarded: %s',
    (_label, message) => {
      for (const state of [idle, idleOffline]) {
        expect(step(state, message)).toEqual({
          mode: 'idle',
          effects: [...(message.firstOnConnection ? ['send_ack'] : []), 'forward_message'],
        });
      }
    },
  );

  it.each(labelled(MESSAGES.filter(isStrayHeartbeat)))('goes to rehab: %s', (_label, message) => {
    for (const state of [idle, idleOffline]) {
      expect(step(state, message)).toEqual({ mode: 'rehab', effects: [...ABORT, 'notify_rehab'] });
    }
  });

  it('goes to rehab if a job requests it', () => {
    const { state, effects } = reduceNode(idle, REHAB_REQUESTED, RULES);
    expect(state.mode).toBe('rehab');
    expect(effects).toEqual([
      { type: 'send_abort' },
      { type: 'set_rehab_timer' },
      { type: 'notify_rehab', reason: 'a job requests it', byJob: 'J' },
    ]);
  });

  it('gets no abort before it comes back if it is offline when a job requests rehab', () => {
    expect(step(idleOffline, REHAB_REQUESTED)).toEqual({ mode: 'rehab', effects: ['notify_rehab'] });
  });

  it('ignores the rehab timer', () => {
    expect(step(idle, REHAB_TIMER_FIRED)).toEqual({ mode: 'idle', effects: [] });
    expect(step(idleOffline, REHAB_TIMER_FIRED)).toEqual({ mode: 'idle', effects: [] });
  });
});

/** Ends intervals with these numbers of heartbeats; returns whether the node is online after each. */
const onlineAfter = (start: NodeMachineState, heartbeats: readonly number[]): boolean[] => {
  let state = start;
  return heartbeats.map((count) => {
    for (let beat = 0; beat < count; beat++) state = reduceNode(state, received(), RULES).state;
    state = reduceNode(state, INTERVAL_ENDED, RULES).state;
    return state.online;
  });
};

describe('the presence of a node', () => {
  it('ends with the third silent interval, and the jobs are notified once', () => {
    let state = reduceNode(idle, INTERVAL_ENDED, RULES).state;
    for (const silentIntervals of [1, 2]) {
      const next = reduceNode(state, INTERVAL_ENDED, RULES);
      expect(next).toMatchObject({ state: { online: true, silentIntervals }, effects: [] });
      state = next.state;
    }
    const third = reduceNode(state, INTERVAL_ENDED, RULES);
    expect(third.state).toMatchObject({ mode: 'idle', online: false });
    expect(third.effects.map(({ type }) => type)).toEqual(['clear_rehab_timer', 'notify_offline']);
    expect(reduceNode(third.state, INTERVAL_ENDED, RULES).effects).toEqual([]);
  });

  it('starts with any message, and the silent intervals are counted anew', () => {
    for (const kind of KINDS) {
      expect(reduceNode(unknown, received({ kind }), RULES).state.online).toBe(true);
      const back = reduceNode(
        { ...idleOffline, heard: false, silentIntervals: 3 },
        received({ kind }),
        RULES,
      );
      expect(onlineAfter(back.state, [0, 0, 0, 0])).toEqual([true, true, true, false]);
    }
  });

  it('allocates nothing for a further message in an interval', () => {
    expect(reduceNode(idle, received(), RULES).state).toBe(idle);
  });

  it('continues if one or two intervals in a row are silent', () => {
    expect(onlineAfter(idle, [1, 0, 0, 1, 0, 1, 0, 0, 1, 2])).toEqual(Array(10).fill(true));
  });

  it('ends after three silent intervals and the current one, regardless of the number of earlier messages', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { maxLength: 30 }), (heartbeats) => {
        const after = onlineAfter(reduceNode(unknownNode('A'), received(), RULES).state, [
          ...heartbeats,
          0,
          0,
          0,
          0,
        ]);
        expect(after.at(-1)).toBe(false);
      }),
    );
  });

  it('continues while every interval has a heartbeat', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 50 }), (heartbeats) => {
        expect(onlineAfter(reduceNode(unknownNode('A'), received(), RULES).state, heartbeats)).not.toContain(
          false,
        );
      }),
    );
  });
});

describe('the number of silent intervals until a node is offline', () => {
  it.each([
    [0.6, 4, 3],
    [0.1, 4, 9],
    [0.6, 20, 10],
    [1, 4, 3],
    [0.6, 1, 3],
    [0.001, 1000, 60],
  ])('with down_threshold %d and decay_window %d is %d', (downThreshold, decayWindow, expected) => {
    expect(silentIntervalsUntilOffline(downThreshold, decayWindow)).toBe(expected);
  });
});

it('never forwards a message of a new client process before it was sent abort, for any sequence of inputs', () => {
  const input = fc.oneof(
    fc.constantFrom<NodeInput>(
      ...MESSAGES,
      received({ incarnation: 'B' }),
      received({ incarnation: 'B', kind: 'aborted' }),
      REHAB_REQUESTED,
      REHAB_TIMER_FIRED,
    ),
    fc.constant<NodeInput>(INTERVAL_ENDED),
  );
  fc.assert(
    fc.property(fc.array(input, { maxLength: 40 }), (inputs) => {
      let state = unknownNode(undefined);
      const aborted = new Set<string>();
      for (const each of inputs) {
        const { state: next, effects } = reduceNode(state, each, RULES);
        const types = effects.map(({ type }) => type);
        if (types.includes('send_abort')) aborted.add(next.incarnation!);
        if (types.includes('forward_message')) expect(aborted).toContain(next.incarnation);
        if (next.mode === 'idle') expect(aborted).toContain(next.incarnation);
        // An offline node gets no abort, and each abort sets the rehab timer.
        if (!next.online) expect(types).not.toContain('send_abort');
        if (types.includes('send_abort')) expect(types).toContain('set_rehab_timer');
        state = next;
      }
    }),
    { numRuns: 1_000 },
  );
});
