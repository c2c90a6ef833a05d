import { describe, expect, test } from 'vitest';
import {
  type JobNodeEffect,
  type JobNodeInput,
  type JobPhase,
  nextNodeStatus,
  type OtherJobs,
} from '../../../../../src/server/jobs/domain/job-node-machine.js';
import {
  isNodeDone,
  NODE_STATUS_CODES,
  type NodeStatus,
} from '../../../../../src/shared/protocol/job-status.js';

const STATUSES = Object.keys(NODE_STATUS_CODES) as NodeStatus[];
const FINAL = STATUSES.filter(isNodeDone);

const MESSAGES: readonly JobNodeInput[] = [
  'ack_commit',
  'nack_commit',
  'ack_run',
  'nack_run',
  'succeeded',
  'failed',
  'aborted',
];
const SERVER_INPUTS: readonly JobNodeInput[] = [
  'switched_job',
  'voting_timeout',
  'run_timeout',
  'quorum_failed',
  'abort_requested',
  'commit_resent',
];
const INPUTS: readonly JobNodeInput[] = [...MESSAGES, 'down', ...SERVER_INPUTS];

const textOf = (effect: JobNodeEffect): string => {
  if (typeof effect === 'string') return effect;
  return 'vote' in effect ? `vote ${effect.vote}` : `run_complete ${effect.runComplete}`;
};

/** `status: effect, effect`; the status is left out if it stays, and `-` means that nothing happens. */
const step = (
  phase: JobPhase,
  status: NodeStatus,
  input: JobNodeInput,
  otherJobs: OtherJobs = 'none',
): string => {
  const { status: next, effects } = nextNodeStatus(phase, status, input, otherJobs);
  const texts = effects.map(textOf).join(', ');
  if (next !== undefined) return `${next}: ${texts}`.trim();
  return texts === '' ? '-' : texts;
};

type Case = readonly [intent: string, status: NodeStatus, input: JobNodeInput, expected: string];

describe('a job node while the job votes', () => {
  test.each<Case>([
    ['a yes vote makes the node ready', 'new', 'ack_commit', 'ready: vote success'],
    [
      'a no vote ends the node; it does nothing that rehab must end',
      'new',
      'nack_commit',
      'nacked: vote failure',
    ],
    ['a second yes vote is shown and changes nothing', 'ready', 'ack_commit', 'vote unexpected_commit'],
    [
      'a no after a yes takes the vote back, and rehab ends what the node had prepared',
      'ready',
      'nack_commit',
      'unavailable: rehab, vote lost_availibility',
    ],
    ['a node that goes down without a vote counts as a no', 'new', 'down', 'unavailable: vote down, rehab'],
    ['a node that goes down after its yes loses the vote', 'ready', 'down', 'unavailable: vote down, rehab'],
    [
      'a node that does not vote in time must drop the job; users see no event of that',
      'new',
      'voting_timeout',
      'unavailable: vote voting_timeout, quiet_rehab',
    ],
    ['the voting timeout is no concern of a node that has voted', 'ready', 'voting_timeout', '-'],
    [
      'a ready node is released if the quorum fails; users see no event of that',
      'ready',
      'quorum_failed',
      'was_ready: quiet_rehab',
    ],
    ['an abort drops a node before its vote', 'new', 'abort_requested', 'aborted: quiet_rehab'],
    ['an abort drops a node after its vote', 'ready', 'abort_requested', 'aborted: quiet_rehab'],
    ['a node that has lost its commit votes again', 'ready', 'commit_resent', 'new:'],
    ['a node that has lost its commit before its vote still has to vote', 'new', 'commit_resent', '-'],
  ])('%s (%s, %s)', (_intent, status, input, expected) => {
    expect(step('voting', status, input)).toBe(expected);
  });

  test('a node that sends anything but a vote is in an unknown state: it is dropped and goes to rehab', () => {
    for (const status of ['new', 'ready'] as const)
      for (const input of ['ack_run', 'nack_run', 'succeeded', 'failed', 'aborted'] as const)
        expect(step('voting', status, input), `${status} ${input}`).toBe('unavailable: rehab');
  });

  test('a late vote of a node that has ended shows that its client is at a job that it must drop', () => {
    for (const status of FINAL)
      for (const input of ['ack_commit', 'nack_commit'] as const)
        expect(step('voting', status, input), `${status} ${input}`).toBe(
          'rehab, vote client_died_while_voting',
        );
  });

  test('any other message of a node that has ended sends it to rehab', () => {
    for (const status of FINAL)
      for (const input of ['ack_run', 'nack_run', 'succeeded', 'failed', 'aborted'] as const)
        expect(step('voting', status, input), `${status} ${input}`).toBe('rehab');
  });

  test('a node that has ended and goes down is shown once more', () => {
    for (const status of FINAL) expect(step('voting', status, 'down'), status).toBe('vote down, rehab');
  });

  test('inputs that belong to a run are ignored', () => {
    for (const status of STATUSES)
      for (const input of ['switched_job', 'run_timeout'] as const)
        expect(step('voting', status, input), `${status} ${input}`).toBe('-');
  });
});

describe('a job node while the job runs', () => {
  test.each<Case>([
    ['a ready node starts', 'ready', 'ack_run', 'running: run_start'],
    ['a repeated start changes nothing', 'running', 'ack_run', '-'],
    [
      'a ready node that declines the run has failed, and its commitment must end',
      'ready',
      'nack_run',
      'failed: rehab, run_complete run_nacked',
    ],
    [
      'a running node that declines the run contradicts itself: it has failed, and whatever it runs must end',
      'running',
      'nack_run',
      'failed: rehab, run_complete run_nacked_while_running',
    ],
    ['a command that succeeds ends the node', 'running', 'succeeded', 'succeeded: run_complete success'],
    ['a command that fails ends the node', 'running', 'failed', 'failed: run_complete failure'],
    [
      'a ready node in another job has dropped this one: rehab would end the wrong job',
      'ready',
      'switched_job',
      'crashed: run_complete crashed',
    ],
    [
      'a running node in another job has dropped this one: rehab would end the wrong job',
      'running',
      'switched_job',
      'crashed: run_complete crashed',
    ],
    ['the run timeout ends a node that has not started', 'ready', 'run_timeout', 'timed_out: quiet_rehab'],
    ['the run timeout ends a running node', 'running', 'run_timeout', 'timed_out: quiet_rehab'],
    ['an abort ends a node that has not started', 'ready', 'abort_requested', 'aborted: quiet_rehab'],
    ['an abort ends a running node', 'running', 'abort_requested', 'aborted: quiet_rehab'],
  ])('%s (%s, %s)', (_intent, status, input, expected) => {
    expect(step('running', status, input)).toBe(expected);
  });

  test('a result without a start, a late vote, or a node that is down: the node has crashed', () => {
    const crashed = 'crashed: rehab, run_complete crashed';
    for (const input of ['ack_commit', 'nack_commit', 'aborted', 'down'] as const)
      for (const status of ['ready', 'running'] as const)
        expect(step('running', status, input), `${status} ${input}`).toBe(crashed);
    for (const input of ['succeeded', 'failed'] as const)
      expect(step('running', 'ready', input), input).toBe(crashed);
  });

  test('a node that starts after its end is shown as dead, then goes to rehab', () => {
    for (const status of FINAL)
      expect(step('running', status, 'ack_run'), status).toBe(
        'run_complete client_died_while_running, rehab',
      );
  });

  test('any other sign of life of a node that has ended sends it to rehab', () => {
    for (const status of FINAL)
      for (const input of [...MESSAGES.filter((each) => each !== 'ack_run'), 'down' as const])
        expect(step('running', status, input), `${status} ${input}`).toBe(
          'rehab, run_complete client_died_while_running',
        );
  });

  test('inputs that belong to the vote are ignored', () => {
    for (const status of ['ready', 'running'] as const)
      for (const input of ['voting_timeout', 'quorum_failed', 'commit_resent'] as const)
        expect(step('running', status, input), `${status} ${input}`).toBe('-');
  });
});

test('the server gives no input to a node that has ended', () => {
  for (const phase of ['voting', 'running', 'over'] as const)
    for (const status of FINAL)
      for (const input of SERVER_INPUTS)
        expect(step(phase, status, input), `${phase} ${status} ${input}`).toBe('-');
});

test('after the job only a node that still acts on it hears of it, without an event', () => {
  for (const status of FINAL)
    for (const input of INPUTS) {
      const isActing = input === 'ack_commit' || input === 'ack_run';
      expect(step('over', status, input), `${status} ${input}`).toBe(isActing ? 'quiet_rehab' : '-');
    }
});

describe('a job node whose node is in another live job as well', () => {
  test.each<Case>([
    ['an abort does not end what the node does in the other job', 'new', 'abort_requested', 'aborted:'],
    ['so does a node that declines a run before its vote', 'new', 'nack_run', 'unavailable:'],
    [
      'so does the voting timeout of a node that has not voted',
      'new',
      'voting_timeout',
      'unavailable: vote voting_timeout',
    ],
  ])('%s (%s, %s)', (_intent, status, input, expected) => {
    expect(step('voting', status, input, 'pending')).toBe(expected);
    expect(step('voting', status, input, 'committed')).toBe(expected);
  });

  test('a late nack after the end of the job node only says that the node is busy: nothing follows', () => {
    for (const phase of ['voting', 'running'] as const)
      for (const status of FINAL)
        for (const input of ['nack_commit', 'nack_run'] as const)
          for (const otherJobs of ['pending', 'committed'] as const)
            expect(step(phase, status, input, otherJobs), `${phase} ${status} ${input}`).toBe('-');
  });

  test('a timeout or an abort spares a node that has said yes to the other job: it has dropped this one', () => {
    for (const status of ['ready', 'running'] as const) {
      expect(step('running', status, 'run_timeout', 'committed')).toBe('timed_out:');
      expect(step('running', status, 'abort_requested', 'committed')).toBe('aborted:');
      expect(step('running', status, 'run_timeout', 'pending')).toBe('timed_out: quiet_rehab');
      expect(step('running', status, 'abort_requested', 'pending')).toBe('aborted: quiet_rehab');
    }
  });

  test('only rehab and late nacks depend on other jobs: status and events of a live job node never do', () => {
    const withoutRehab = (text: string): string =>
      text
        .replaceAll(/(quiet_)?rehab/g, '')
        .replaceAll(/[ ,]+/g, ' ')
        .trim();
    for (const phase of ['voting', 'running', 'over'] as const)
      for (const status of STATUSES.filter((each) => !isNodeDone(each)))
        for (const input of INPUTS)
          for (const otherJobs of ['pending', 'committed'] as const)
            expect(withoutRehab(step(phase, status, input, otherJobs)), `${phase} ${status} ${input}`).toBe(
              withoutRehab(step(phase, status, input)),
            );
  });
});

test('no input takes a node out of a final status', () => {
  for (const phase of ['voting', 'running', 'over'] as const)
    for (const status of FINAL)
      for (const input of INPUTS)
        for (const otherJobs of ['none', 'pending', 'committed'] as const)
          expect(nextNodeStatus(phase, status, input, otherJobs).status).toBeUndefined();
});
