import { describe, expect, test } from 'vitest';
import {
  type Consequence,
  type Elsewhere,
  judgePart,
  type PartInput,
} from '../../../../../src/server/jobs/domain/job-node-machine.js';
import {
  isNodeDone,
  NODE_STATUS_CODES,
  type NodeStatus,
} from '../../../../../src/shared/protocol/job-status.js';

const STATUSES = Object.keys(NODE_STATUS_CODES) as NodeStatus[];
const TERMINAL = STATUSES.filter(isNodeDone);

/** `status: consequence, consequence` as the tables below have it; `-` where nothing happens. */
const textOf = (consequence: Consequence): string => {
  if (typeof consequence === 'string') return consequence;
  return 'vote' in consequence ? `vote ${consequence.vote}` : `run_complete ${consequence.runComplete}`;
};

const outcomeOf = (
  phase: 'voting' | 'running' | 'over',
  status: NodeStatus,
  input: PartInput,
  elsewhere: Elsewhere = 'free',
): string => {
  const { status: next, then } = judgePart(phase, status, input, elsewhere);
  const follows = then.map(textOf).join(', ');
  if (next !== undefined) return `${next}: ${follows}`;
  return follows === '' ? '-' : follows;
};

type Row = readonly [input: PartInput, first: string, second: string, terminal: string];

const DIED_VOTING = 'rehab, vote client_died_while_voting';
const OTHER = 'unavailable: rehab';

/** Input; what it does to a node that is new, ready, terminal (job lifecycle, "Voting"). */
const VOTING: readonly Row[] = [
  ['ack_commit', 'ready: vote success', 'vote unexpected_commit', DIED_VOTING],
  ['nack_commit', 'nacked: vote failure', 'unavailable: rehab, vote lost_availibility', DIED_VOTING],
  ['down', 'unavailable: vote down, rehab', 'unavailable: vote down, rehab', 'vote down, rehab'],
  ['ack_run', OTHER, OTHER, 'rehab'],
  ['nack_run', OTHER, OTHER, 'rehab'],
  ['succeeded', OTHER, OTHER, 'rehab'],
  ['failed', OTHER, OTHER, 'rehab'],
  ['aborted', OTHER, OTHER, 'rehab'],
  ['moved_on', '-', '-', '-'],
  ['voting_timeout', 'unavailable: vote voting_timeout, quiet_rehab', '-', '-'],
  ['run_timeout', '-', '-', '-'],
  ['quorum_failed', '-', 'was_ready: quiet_rehab', '-'],
  ['called_off', 'aborted: quiet_rehab', 'aborted: quiet_rehab', '-'],
  ['asked_again', '-', 'new: ', '-'],
];

const DIED_RUNNING = 'rehab, run_complete client_died_while_running';
const CRASHED = 'crashed: rehab, run_complete crashed';

/** Input; what it does to a node that is ready, running, terminal (job lifecycle, "Running"). */
const RUNNING: readonly Row[] = [
  ['ack_run', 'running: run_start', '-', 'run_complete client_died_while_running, rehab'],
  [
    'nack_run',
    'failed: rehab, run_complete run_nacked',
    'failed: rehab, run_complete run_nacked_while_running',
    DIED_RUNNING,
  ],
  ['succeeded', CRASHED, 'succeeded: run_complete success', DIED_RUNNING],
  ['failed', CRASHED, 'failed: run_complete failure', DIED_RUNNING],
  ['aborted', CRASHED, CRASHED, DIED_RUNNING],
  ['down', CRASHED, CRASHED, DIED_RUNNING],
  ['ack_commit', CRASHED, CRASHED, DIED_RUNNING],
  ['nack_commit', CRASHED, CRASHED, DIED_RUNNING],
  ['moved_on', 'crashed: run_complete crashed', 'crashed: run_complete crashed', '-'],
  ['voting_timeout', '-', '-', '-'],
  ['run_timeout', 'timed_out: quiet_rehab', 'timed_out: quiet_rehab', '-'],
  ['quorum_failed', '-', '-', '-'],
  ['called_off', 'aborted: quiet_rehab', 'aborted: quiet_rehab', '-'],
  ['asked_again', '-', '-', '-'],
];

describe("a node's part while the job votes", () => {
  test.each(VOTING)('%s: new → %s | ready → %s | terminal → %s', (input, fresh, ready, terminal) => {
    expect(outcomeOf('voting', 'new', input)).toBe(fresh);
    expect(outcomeOf('voting', 'ready', input)).toBe(ready);
    for (const status of TERMINAL) expect(outcomeOf('voting', status, input), status).toBe(terminal);
  });
});

describe("a node's part while the job runs", () => {
  test.each(RUNNING)('%s: ready → %s | running → %s | terminal → %s', (input, ready, running, terminal) => {
    expect(outcomeOf('running', 'ready', input)).toBe(ready);
    expect(outcomeOf('running', 'running', input)).toBe(running);
    for (const status of TERMINAL) expect(outcomeOf('running', status, input), status).toBe(terminal);
  });
});

describe("a node's part when the job is over", () => {
  test.each(VOTING.map(([input]) => input))('%s makes no event', (input) => {
    const quiet = input === 'ack_commit' || input === 'ack_run' ? 'quiet_rehab' : '-';
    for (const status of TERMINAL) expect(outcomeOf('over', status, input), status).toBe(quiet);
  });
});

describe('the part of a node that is busy with another job', () => {
  /** What is otherwise than for a node that is free: phase, status, input → what happens. */
  const asked = new Map([
    ['voting new called_off', 'aborted: '],
    ['voting new nack_run', 'unavailable: '],
    ['voting new voting_timeout', 'unavailable: vote voting_timeout'],
    ...TERMINAL.flatMap((status) =>
      ['voting', 'running'].flatMap((phase): [string, string][] => [
        [`${phase} ${status} nack_commit`, '-'],
        [`${phase} ${status} nack_run`, '-'],
      ]),
    ),
  ]);
  const agreed = new Map([
    ...asked,
    ...['ready', 'running'].flatMap((status): [string, string][] => [
      [`running ${status} run_timeout`, 'timed_out: '],
      [`running ${status} called_off`, 'aborted: '],
    ]),
  ]);

  test.each(VOTING.map(([input]) => input))('%s lets it go only from what it may still be at', (input) => {
    for (const phase of ['voting', 'running', 'over'] as const)
      for (const status of STATUSES) {
        const cell = `${phase} ${status} ${input}`;
        const free = outcomeOf(phase, status, input);
        expect(outcomeOf(phase, status, input, 'asked'), cell).toBe(asked.get(cell) ?? free);
        expect(outcomeOf(phase, status, input, 'agreed'), cell).toBe(agreed.get(cell) ?? free);
      }
  });
});

test('no input in no phase takes a node out of a terminal status', () => {
  for (const phase of ['voting', 'running', 'over'] as const)
    for (const status of TERMINAL)
      for (const [input] of VOTING)
        for (const elsewhere of ['free', 'asked', 'agreed'] as const)
          expect(judgePart(phase, status, input, elsewhere).status).toBeUndefined();
});
