import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  idleAfter,
  type JobEffect,
  type JobInput,
  type JobMachine,
  type JobOrder,
  reduceJob,
} from '../../../../src/client/domain/job-machine.js';

const THIS = 'a'.repeat(32);
const OTHER = 'b'.repeat(32);
const RAN = 'c'.repeat(32);

const order = (jobId: string): JobOrder => ({ jobId, command: 'x', env: {}, capture: false });
const outcome = (exitCode: number) => ({ exitCode, signal: null, durationMs: 1 });

const base: JobMachine = idleAfter([RAN]);
const busy = { ...base, jobId: THIS };
const STATES = {
  idle: base,
  preparing: { ...busy, mode: 'preparing' },
  committed: { ...busy, mode: 'committed' },
  starting: { ...busy, mode: 'running', ran: [RAN, THIS] },
  running: { ...busy, mode: 'running', started: true, ran: [RAN, THIS] },
  stopping: { ...busy, mode: 'stopping', started: true, ran: [RAN, THIS] },
  ending: { ...busy, mode: 'stopping', started: true, closing: true, ran: [RAN, THIS] },
  closed: { ...base, mode: 'closed', closing: true },
} as const satisfies Record<string, JobMachine>;

const INPUTS = {
  'commit this': { kind: 'commit', order: order(THIS) },
  'commit other': { kind: 'commit', order: order(OTHER) },
  'commit ran': { kind: 'commit', order: order(RAN) },
  'run this': { kind: 'run', jobId: THIS },
  'run other': { kind: 'run', jobId: OTHER },
  abort: { kind: 'abort' },
  'output wanted of this': { kind: 'output_wanted', jobId: THIS, everyMs: 250 },
  'output wanted of other': { kind: 'output_wanted', jobId: OTHER, everyMs: 250 },
  'prepared this': { kind: 'prepared', jobId: THIS },
  'prepared other': { kind: 'prepared', jobId: OTHER },
  'refused this': { kind: 'refused', jobId: THIS, reason: 'no' },
  'refused other': { kind: 'refused', jobId: OTHER, reason: 'no' },
  'started this': { kind: 'started', jobId: THIS },
  'started other': { kind: 'started', jobId: OTHER },
  'not started this': { kind: 'not_started', jobId: THIS, reason: 'no' },
  'not started other': { kind: 'not_started', jobId: OTHER, reason: 'no' },
  'ended well': { kind: 'ended', jobId: THIS, outcome: outcome(0) },
  'ended badly': { kind: 'ended', jobId: THIS, outcome: outcome(1) },
  'ended other': { kind: 'ended', jobId: OTHER, outcome: outcome(0) },
  shutdown: { kind: 'shutdown' },
} as const satisfies Record<string, JobInput>;

type State = keyof typeof STATES;
type Input = keyof typeof INPUTS;

/** An effect in short: `ack_commit`, `stop`; replies and effects about another job name it. */
const short = (effect: JobEffect): string => {
  if (effect.kind === 'reply') {
    const { type, jobId } = effect.reply;
    return jobId === THIS ? type : `${type} ${jobId === null ? 'null' : jobId.charAt(0)}`;
  }
  if (effect.kind === 'closed') return 'closed';
  const jobId = effect.kind === 'prepare' ? effect.order.jobId : effect.jobId;
  return jobId === THIS ? effect.kind : `${effect.kind} ${jobId.charAt(0)}`;
};

/** Every pair: the mode after it, and its effects. A pair that changes nothing and does nothing is `-`. */
const TABLE: Record<State, Record<Input, string>> = {
  idle: {
    'commit this': 'preparing: prepare',
    'commit other': 'preparing: prepare b',
    'commit ran': 'idle: nack_commit c',
    'run this': 'idle: nack_run',
    'run other': 'idle: nack_run b',
    abort: 'idle: aborted null',
    'output wanted of this': '-',
    'output wanted of other': '-',
    'prepared this': 'idle: discard',
    'prepared other': 'idle: discard b',
    'refused this': '-',
    'refused other': '-',
    'started this': '-',
    'started other': '-',
    'not started this': '-',
    'not started other': '-',
    'ended well': '-',
    'ended badly': '-',
    'ended other': '-',
    shutdown: 'closed: closed',
  },
  preparing: {
    'commit this': '-',
    'commit other': 'preparing: nack_commit b',
    'commit ran': 'preparing: nack_commit c',
    'run this': 'preparing: nack_run',
    'run other': 'preparing: nack_run b',
    abort: 'idle: discard, aborted',
    'output wanted of this': '-',
    'output wanted of other': '-',
    'prepared this': 'committed: ack_commit',
    'prepared other': 'preparing: discard b',
    'refused this': 'idle: nack_commit',
    'refused other': '-',
    'started this': '-',
    'started other': '-',
    'not started this': '-',
    'not started other': '-',
    'ended well': '-',
    'ended badly': '-',
    'ended other': '-',
    shutdown: 'closed: discard, aborted, closed',
  },
  committed: {
    'commit this': 'committed: ack_commit',
    'commit other': 'committed: nack_commit b',
    'commit ran': 'committed: nack_commit c',
    'run this': 'running: start',
    'run other': 'committed: nack_run b',
    abort: 'idle: discard, aborted',
    'output wanted of this': '-',
    'output wanted of other': '-',
    'prepared this': 'committed: discard',
    'prepared other': 'committed: discard b',
    'refused this': '-',
    'refused other': '-',
    'started this': '-',
    'started other': '-',
    'not started this': '-',
    'not started other': '-',
    'ended well': '-',
    'ended badly': '-',
    'ended other': '-',
    shutdown: 'closed: discard, aborted, closed',
  },
  starting: {
    'commit this': 'running: ack_commit',
    'commit other': 'running: nack_commit b',
    'commit ran': 'running: nack_commit c',
    'run this': '-',
    'run other': 'running: nack_run b',
    abort: 'stopping: stop',
    'output wanted of this': 'running: send_output',
    'output wanted of other': '-',
    'prepared this': 'running: discard',
    'prepared other': 'running: discard b',
    'refused this': '-',
    'refused other': '-',
    'started this': 'running: ack_run',
    'started other': '-',
    'not started this': 'idle: discard, nack_run',
    'not started other': '-',
    'ended well': 'idle: discard, succeeded',
    'ended badly': 'idle: discard, failed',
    'ended other': '-',
    shutdown: 'stopping: stop',
  },
  running: {
    'commit this': 'running: ack_commit',
    'commit other': 'running: nack_commit b',
    'commit ran': 'running: nack_commit c',
    'run this': 'running: ack_run',
    'run other': 'running: nack_run b',
    abort: 'stopping: stop',
    'output wanted of this': 'running: send_output',
    'output wanted of other': '-',
    'prepared this': 'running: discard',
    'prepared other': 'running: discard b',
    'refused this': '-',
    'refused other': '-',
    'started this': 'running: ack_run',
    'started other': '-',
    'not started this': 'idle: discard, nack_run',
    'not started other': '-',
    'ended well': 'idle: discard, succeeded',
    'ended badly': 'idle: discard, failed',
    'ended other': '-',
    shutdown: 'stopping: stop',
  },
  stopping: {
    'commit this': 'stopping: nack_commit',
    'commit other': 'stopping: nack_commit b',
    'commit ran': 'stopping: nack_commit c',
    'run this': 'stopping: nack_run',
    'run other': 'stopping: nack_run b',
    abort: '-',
    'output wanted of this': '-',
    'output wanted of other': '-',
    'prepared this': 'stopping: discard',
    'prepared other': 'stopping: discard b',
    'refused this': '-',
    'refused other': '-',
    'started this': '-',
    'started other': '-',
    'not started this': 'idle: discard, aborted',
    'not started other': '-',
    'ended well': 'idle: discard, aborted',
    'ended badly': 'idle: discard, aborted',
    'ended other': '-',
    shutdown: 'stopping:',
  },
  ending: {
    'commit this': 'stopping: nack_commit',
    'commit other': 'stopping: nack_commit b',
    'commit ran': 'stopping: nack_commit c',
    'run this': 'stopping: nack_run',
    'run other': 'stopping: nack_run b',
    abort: '-',
    'output wanted of this': '-',
    'output wanted of other': '-',
    'prepared this': 'stopping: discard',
    'prepared other': 'stopping: discard b',
    'refused this': '-',
    'refused other': '-',
    'started this': '-',
    'started other': '-',
    'not started this': 'closed: discard, aborted, closed',
    'not started other': '-',
    'ended well': 'closed: discard, aborted, closed',
    'ended badly': 'closed: discard, aborted, closed',
    'ended other': '-',
    shutdown: '-',
  },
  closed: {
    'commit this': 'closed: nack_commit',
    'commit other': 'closed: nack_commit b',
    'commit ran': 'closed: nack_commit c',
    'run this': 'closed: nack_run',
    'run other': 'closed: nack_run b',
    abort: 'closed: aborted null',
    'output wanted of this': '-',
    'output wanted of other': '-',
    'prepared this': 'closed: discard',
    'prepared other': 'closed: discard b',
    'refused this': '-',
    'refused other': '-',
    'started this': '-',
    'started other': '-',
    'not started this': '-',
    'not started other': '-',
    'ended well': '-',
    'ended badly': '-',
    'ended other': '-',
    shutdown: '-',
  },
};

describe.each(Object.keys(STATES) as State[])('%s', (state) => {
  test.each(Object.keys(INPUTS) as Input[])('%s', (input) => {
    const before: JobMachine = STATES[state];
    const { machine, effects } = reduceJob(before, INPUTS[input]);
    const unchanged = JSON.stringify(machine) === JSON.stringify(before) && effects.length === 0;
    const told = unchanged ? '-' : `${machine.mode}: ${effects.map(short).join(', ')}`.trim();
    expect(told).toBe(TABLE[state][input]);
    expect(machine.jobId === null).toBe(machine.mode === 'idle' || machine.mode === 'closed');
  });
});

describe('whatever comes in whatever order', () => {
  const jobIds = [THIS, OTHER, RAN];
  const input: fc.Arbitrary<JobInput> = fc.constantFrom(
    ...jobIds.flatMap((jobId): JobInput[] => [
      { kind: 'commit', order: order(jobId) },
      { kind: 'run', jobId },
      { kind: 'prepared', jobId },
      { kind: 'started', jobId },
      { kind: 'ended', jobId, outcome: outcome(0) },
    ]),
    { kind: 'abort' },
  );

  test('no job is started twice, and none that was not prepared', () => {
    fc.assert(
      fc.property(fc.array(input, { maxLength: 60 }), (inputs) => {
        let machine = idleAfter([]);
        const started: string[] = [];
        const acknowledged = new Set<string>();
        for (const one of inputs) {
          const step = reduceJob(machine, one);
          machine = step.machine;
          for (const effect of step.effects) {
            if (effect.kind === 'reply' && effect.reply.type === 'ack_commit') {
              acknowledged.add(effect.reply.jobId);
            }
            if (effect.kind !== 'start') continue;
            expect(acknowledged).toContain(effect.jobId);
            started.push(effect.jobId);
          }
        }
        expect(new Set(started).size).toBe(started.length);
      }),
    );
  });

  test('of the jobs that ran the last thousand are remembered', () => {
    let machine = idleAfter([]);
    for (let number = 0; number < 1500; number++) {
      const jobId = String(number);
      for (const one of [
        { kind: 'commit', order: order(jobId) },
        { kind: 'prepared', jobId },
        { kind: 'run', jobId },
        { kind: 'ended', jobId, outcome: outcome(0) },
      ] as const) {
        machine = reduceJob(machine, one).machine;
      }
    }
    expect(machine.ran).toHaveLength(1000);
    expect(machine.ran.at(-1)).toBe('1499');
  });
});
