import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  initialJobMachine,
  type JobAssignment,
  type JobEffect,
  type JobInput,
  type JobMachine,
  reduceJob,
} from '../../../../src/client/domain/job-machine.js';

const THIS = 'a'.repeat(32);
const OTHER = 'b'.repeat(32);
const RAN = 'c'.repeat(32);

const assignment = (jobId: string): JobAssignment => ({ jobId, command: 'x', env: {}, capture: false });
const result = (exitCode: number) => ({ exitCode, signal: null, durationMs: 1 });

const idle: JobMachine = initialJobMachine([RAN]);
const busy = { ...idle, jobId: THIS };
const started = { ...busy, startedJobs: [RAN, THIS] };
const STATES = {
  idle,
  preparing: { ...busy, mode: 'preparing' },
  committed: { ...busy, mode: 'committed' },
  starting: { ...started, mode: 'running' },
  running: { ...started, mode: 'running', commandStarted: true },
  aborting: { ...started, mode: 'stopping', commandStarted: true },
  'shutting down': { ...started, mode: 'stopping', commandStarted: true, closing: true },
  closed: { ...idle, mode: 'closed', closing: true },
} as const satisfies Record<string, JobMachine>;

const INPUTS = {
  'commit this': { kind: 'commit', assignment: assignment(THIS) },
  'commit other': { kind: 'commit', assignment: assignment(OTHER) },
  'commit ran': { kind: 'commit', assignment: assignment(RAN) },
  'run this': { kind: 'run', jobId: THIS },
  'run other': { kind: 'run', jobId: OTHER },
  abort: { kind: 'abort' },
  'output wanted of this': { kind: 'output_wanted', jobId: THIS, intervalMs: 250 },
  'output wanted of other': { kind: 'output_wanted', jobId: OTHER, intervalMs: 250 },
  'prepared this': { kind: 'prepared', jobId: THIS },
  'prepared other': { kind: 'prepared', jobId: OTHER },
  'declined this': { kind: 'declined', jobId: THIS, reason: 'no' },
  'declined other': { kind: 'declined', jobId: OTHER, reason: 'no' },
  'started this': { kind: 'started', jobId: THIS },
  'started other': { kind: 'started', jobId: OTHER },
  'start failed of this': { kind: 'start_failed', jobId: THIS, reason: 'no' },
  'start failed of other': { kind: 'start_failed', jobId: OTHER, reason: 'no' },
  'ended well': { kind: 'ended', jobId: THIS, result: result(0) },
  'ended badly': { kind: 'ended', jobId: THIS, result: result(1) },
  'ended other': { kind: 'ended', jobId: OTHER, result: result(0) },
  shutdown: { kind: 'shutdown' },
} as const satisfies Record<string, JobInput>;

type State = keyof typeof STATES;
type Input = keyof typeof INPUTS;
const ALL_STATES = Object.keys(STATES) as State[];
const ALL_INPUTS = Object.keys(INPUTS) as Input[];
const allBut = (...states: State[]): State[] => ALL_STATES.filter((state) => !states.includes(state));
const COMMAND_RUNS: State[] = ['starting', 'running'];

/**
 * What the machine does in some states on some inputs. `then` is the next mode (`same` if it does not change) and the
 * effects; `nothing` means that neither state nor effects change. Effects are about the job of the input or, if the
 * input names none, the current job.
 */
interface Rule {
  readonly intent: string;
  readonly states: readonly State[];
  readonly inputs: readonly Input[];
  readonly then: string;
}
const rule = (intent: string, states: State[], inputs: Input[], then: string): Rule => ({
  intent,
  states,
  inputs,
  then,
});

const RULES: readonly Rule[] = [
  rule('prepares a new job when idle', ['idle'], ['commit this', 'commit other'], 'preparing: prepare'),
  rule('never accepts a job that it started before', ALL_STATES, ['commit ran'], 'same: nack_commit'),
  rule('votes no on another job while it is busy', allBut('idle'), ['commit other'], 'same: nack_commit'),
  rule(
    'votes no on a job while it stops',
    ['aborting', 'shutting down', 'closed'],
    ['commit this'],
    'same: nack_commit',
  ),
  rule('votes after the checks, not when commit is repeated', ['preparing'], ['commit this'], 'nothing'),
  rule(
    'repeats its yes vote when the server missed it',
    ['committed', ...COMMAND_RUNS],
    ['commit this'],
    'same: ack_commit',
  ),

  rule('votes yes when all checks passed', ['preparing'], ['prepared this'], 'committed: ack_commit'),
  rule('votes no when a check failed', ['preparing'], ['declined this'], 'idle: nack_commit'),
  rule(
    'discards a job that was aborted while its checks ran',
    allBut('preparing'),
    ['prepared this'],
    'same: discard',
  ),
  rule(
    'discards a prepared job that is not the current one',
    ALL_STATES,
    ['prepared other'],
    'same: discard',
  ),

  rule('starts the job that it voted for', ['committed'], ['run this'], 'running: start'),
  rule('waits for the start when run is repeated', ['starting'], ['run this'], 'nothing'),
  rule('reports the start', COMMAND_RUNS, ['started this'], 'same: ack_run'),
  rule('repeats that the command has started', ['running'], ['run this'], 'same: ack_run'),
  rule(
    'starts no job that it has not voted for',
    allBut('committed', ...COMMAND_RUNS),
    ['run this'],
    'same: nack_run',
  ),
  rule('starts no other job', ALL_STATES, ['run other'], 'same: nack_run'),
  rule(
    'sends live output while the command runs',
    COMMAND_RUNS,
    ['output wanted of this'],
    'same: send_output',
  ),

  rule('reports success', COMMAND_RUNS, ['ended well'], 'idle: discard, succeeded'),
  rule('reports failure', COMMAND_RUNS, ['ended badly'], 'idle: discard, failed'),
  rule(
    'reports a command that did not start',
    COMMAND_RUNS,
    ['start failed of this'],
    'idle: discard, nack_run',
  ),

  rule('confirms an abort without a job', ['idle', 'closed'], ['abort'], 'same: aborted null'),
  rule(
    'drops a job that has not started on abort',
    ['preparing', 'committed'],
    ['abort'],
    'idle: discard, aborted',
  ),
  rule('kills the command on abort', COMMAND_RUNS, ['abort'], 'stopping: stop'),
  rule(
    'confirms the abort only when the command has ended',
    ['aborting', 'shutting down'],
    ['abort'],
    'nothing',
  ),
  rule(
    'confirms the abort, whatever the result of the killed command',
    ['aborting'],
    ['ended well', 'ended badly', 'start failed of this'],
    'idle: discard, aborted',
  ),

  rule('exits at once when idle', ['idle'], ['shutdown'], 'closed: exit'),
  rule(
    'drops a job that has not started on shutdown',
    ['preparing', 'committed'],
    ['shutdown'],
    'closed: discard, aborted, exit',
  ),
  rule('kills the command on shutdown', COMMAND_RUNS, ['shutdown'], 'stopping and closing: stop'),
  rule('remembers a shutdown while it aborts', ['aborting'], ['shutdown'], 'stopping and closing:'),
  rule(
    'exits when the killed command has ended',
    ['shutting down'],
    ['ended well', 'ended badly', 'start failed of this'],
    'closed: discard, aborted, exit',
  ),
  rule('ignores a second shutdown', ['shutting down', 'closed'], ['shutdown'], 'nothing'),
];

/** Inputs that change nothing in every cell that no rule names. */
const IGNORED_WITHOUT_RULE: readonly Input[] = [
  'output wanted of this',
  'output wanted of other',
  'declined this',
  'declined other',
  'started this',
  'started other',
  'start failed of this',
  'start failed of other',
  'ended well',
  'ended badly',
  'ended other',
];

const jobOf = (input: JobInput): string | null => {
  if (input.kind === 'abort' || input.kind === 'shutdown') return null;
  return input.kind === 'commit' ? input.assignment.jobId : input.jobId;
};

/** Describes a transition in the form of `Rule.then`. */
const play = (state: State, name: Input): string => {
  const before: JobMachine = STATES[state];
  const input = INPUTS[name];
  const { machine, effects } = reduceJob(before, input);
  expect(machine.jobId === null).toBe(machine.mode === 'idle' || machine.mode === 'closed');
  if (JSON.stringify(machine) === JSON.stringify(before) && effects.length === 0) return 'nothing';
  const expectedJob = jobOf(input) ?? before.jobId;
  const describeEffect = (effect: JobEffect): string => {
    if (effect.kind === 'exit') return 'exit';
    const [kind, jobId] =
      effect.kind === 'report'
        ? [effect.report.type, effect.report.jobId]
        : [effect.kind, effect.kind === 'prepare' ? effect.assignment.jobId : effect.jobId];
    if (jobId === null) return `${kind} null`;
    return jobId === expectedJob ? kind : `${kind} of another job`;
  };
  const isClosing = machine.mode === 'stopping' && machine.closing && !before.closing;
  const mode = machine.mode === before.mode && !isClosing ? 'same' : machine.mode;
  return `${mode}${isClosing ? ' and closing' : ''}: ${effects.map(describeEffect).join(', ')}`.trim();
};

describe.each(RULES)('$intent', ({ states, inputs, then }) => {
  const cells = states.flatMap((state) => inputs.map((input) => [state, input] as const));
  test.each(cells)('%s, %s', (state, input) => expect(play(state, input)).toBe(then));
});

describe('ignores reports about other jobs and reports that come late', () => {
  const hasRule = (state: State, input: Input): boolean =>
    RULES.some(({ states, inputs }) => states.includes(state) && inputs.includes(input));
  const rest = ALL_STATES.flatMap((state) =>
    ALL_INPUTS.filter((input) => !hasRule(state, input)).map((input) => [state, input] as const),
  );
  test.each(rest)('%s, %s', (state, input) => {
    expect(IGNORED_WITHOUT_RULE).toContain(input);
    expect(play(state, input)).toBe('nothing');
  });
});

describe('any sequence of inputs', () => {
  const jobIds = [THIS, OTHER, RAN];
  const input: fc.Arbitrary<JobInput> = fc.constantFrom(
    ...jobIds.flatMap((jobId): JobInput[] => [
      { kind: 'commit', assignment: assignment(jobId) },
      { kind: 'run', jobId },
      { kind: 'prepared', jobId },
      { kind: 'started', jobId },
      { kind: 'ended', jobId, result: result(0) },
    ]),
    { kind: 'abort' },
  );

  test('starts no job twice and no job that it did not vote for', () => {
    fc.assert(
      fc.property(fc.array(input, { maxLength: 60 }), (inputs) => {
        let machine = initialJobMachine([]);
        const startedJobs: string[] = [];
        const votedFor = new Set<string>();
        for (const one of inputs) {
          const step = reduceJob(machine, one);
          machine = step.machine;
          for (const effect of step.effects) {
            if (effect.kind === 'report' && effect.report.type === 'ack_commit') {
              votedFor.add(effect.report.jobId);
            }
            if (effect.kind !== 'start') continue;
            expect(votedFor).toContain(effect.jobId);
            startedJobs.push(effect.jobId);
          }
        }
        expect(new Set(startedJobs).size).toBe(startedJobs.length);
      }),
    );
  });

  test('remembers the last thousand started jobs', () => {
    let machine = initialJobMachine([]);
    for (let number = 0; number < 1500; number++) {
      const jobId = String(number);
      for (const one of [
        { kind: 'commit', assignment: assignment(jobId) },
        { kind: 'prepared', jobId },
        { kind: 'run', jobId },
        { kind: 'ended', jobId, result: result(0) },
      ] as const) {
        machine = reduceJob(machine, one).machine;
      }
    }
    expect(machine.startedJobs).toHaveLength(1000);
    expect(machine.startedJobs.at(-1)).toBe('1499');
  });
});
