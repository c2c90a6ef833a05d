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

/** All inputs, by whether a node sends them; a new one must be added here. */
const IS_MESSAGE: Record<JobNodeInput, boolean> = {
  ack_commit: true,
  nack_commit: true,
  ack_run: true,
  nack_run: true,
  succeeded: true,
  failed: true,
  aborted: true,
  down: false,
  offline: false,
  not_eligible: false,
  contact_lost: false,
  switched_job: false,
  voting_timeout: false,
  run_timeout: false,
  quorum_failed: false,
  abort_requested: false,
  commit_resent: false,
};
const INPUTS = Object.keys(IS_MESSAGE) as JobNodeInput[];
const MESSAGES = INPUTS.filter((input) => IS_MESSAGE[input]);
const SERVER_INPUTS = INPUTS.filter((input) => !IS_MESSAGE[input] && input !== 'down');

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

/** What a cell is for, the statuses and inputs that it covers, and the step. */
type Intent = readonly [
  intent: string,
  statuses: readonly NodeStatus[],
  inputs: readonly JobNodeInput[],
  expected: string,
];

const VOTING: readonly Intent[] = [
  ['a yes vote makes the node ready', ['new'], ['ack_commit'], 'ready: vote success'],
  [
    'a no vote ends the node; there is nothing that rehab must end',
    ['new'],
    ['nack_commit'],
    'nacked: vote failure',
  ],
  ['a second yes vote is shown and changes nothing', ['ready'], ['ack_commit'], 'vote unexpected_commit'],
  [
    'a no after a yes takes the vote back, and rehab ends what the node had prepared',
    ['ready'],
    ['nack_commit'],
    'unavailable: rehab, vote lost_availibility',
  ],
  [
    'a silent node that has not voted does not take part; nothing is sent, although readers see the usual events',
    ['new'],
    ['offline'],
    'unavailable: vote down, rehab_event',
  ],
  [
    'a node that cannot take a job now does not take part; it goes on with what it does',
    ['new'],
    ['not_eligible'],
    'unavailable: vote down',
  ],
  ['silence takes no vote back', ['ready'], ['offline', 'not_eligible'], '-'],
  [
    'a node without contact for too long does not take part; nothing is sent',
    ['new', 'ready'],
    ['contact_lost'],
    'unavailable: vote down',
  ],
  ['a node that goes down loses its vote', ['new', 'ready'], ['down'], 'unavailable: vote down, rehab'],
  [
    'a node that does not vote in time must drop the job; users see no event of that',
    ['new'],
    ['voting_timeout'],
    'unavailable: vote voting_timeout, quiet_rehab',
  ],
  ['the voting timeout does not affect a node that has voted', ['ready'], ['voting_timeout'], '-'],
  [
    'a ready node is released if the quorum fails; users see no event of that',
    ['ready'],
    ['quorum_failed'],
    'was_ready: quiet_rehab',
  ],
  ['the quorum cannot fail before all nodes have voted', ['new'], ['quorum_failed'], '-'],
  [
    'an abort drops a node before or after its vote',
    ['new', 'ready'],
    ['abort_requested'],
    'aborted: quiet_rehab',
  ],
  ['a ready node that has lost its commit votes again', ['ready'], ['commit_resent'], 'new:'],
  ['a node that has lost its commit before its vote still has to vote', ['new'], ['commit_resent'], '-'],
  [
    'a node that sends anything but a vote is in an unknown state: it is dropped and goes to rehab',
    ['new', 'ready'],
    ['ack_run', 'nack_run', 'succeeded', 'failed', 'aborted'],
    'unavailable: rehab',
  ],
  [
    'a late vote shows that the client acts on a job that it must drop',
    FINAL,
    ['ack_commit', 'nack_commit'],
    'rehab, vote client_died_while_voting',
  ],
  [
    'any other message after the end of the job node sends the node to rehab',
    FINAL,
    ['ack_run', 'nack_run', 'succeeded', 'failed', 'aborted'],
    'rehab',
  ],
  ['a node that goes down after its end is shown once more', FINAL, ['down'], 'vote down, rehab'],
  ['inputs that belong to a run are ignored', ['new', 'ready'], ['switched_job', 'run_timeout'], '-'],
  ['the server gives no input to a node that has ended', FINAL, SERVER_INPUTS, '-'],
];

const RUNNING: readonly Intent[] = [
  ['a ready node starts', ['ready'], ['ack_run'], 'running: run_start'],
  ['a repeated start changes nothing', ['running'], ['ack_run'], '-'],
  [
    'a ready node that declines the run has failed, and its commitment must end',
    ['ready'],
    ['nack_run'],
    'failed: rehab, run_complete run_nacked',
  ],
  [
    'a running node that declines the run contradicts itself: it has failed, and its command must end',
    ['running'],
    ['nack_run'],
    'failed: rehab, run_complete run_nacked_while_running',
  ],
  ['a command that succeeds ends the node', ['running'], ['succeeded'], 'succeeded: run_complete success'],
  ['a command that fails ends the node', ['running'], ['failed'], 'failed: run_complete failure'],
  [
    'a result without a start shows that server and node disagree',
    ['ready'],
    ['succeeded', 'failed'],
    'crashed: rehab, run_complete crashed',
  ],
  ['silence ends no run', ['ready', 'running'], ['offline', 'not_eligible'], '-'],
  [
    'a node without contact for too long has crashed for the job; nothing is sent, because it may still run the command',
    ['ready', 'running'],
    ['contact_lost'],
    'crashed: run_complete crashed',
  ],
  [
    'a node that votes late, drops the job or is down has crashed',
    ['ready', 'running'],
    ['ack_commit', 'nack_commit', 'aborted', 'down'],
    'crashed: rehab, run_complete crashed',
  ],
  [
    'a node in another job has dropped this one: rehab would end the wrong job',
    ['ready', 'running'],
    ['switched_job'],
    'crashed: run_complete crashed',
  ],
  [
    'the run timeout ends a node, started or not; users see no event of that',
    ['ready', 'running'],
    ['run_timeout'],
    'timed_out: quiet_rehab',
  ],
  ['an abort ends a node, started or not', ['ready', 'running'], ['abort_requested'], 'aborted: quiet_rehab'],
  [
    'inputs that belong to the vote are ignored',
    ['ready', 'running'],
    ['voting_timeout', 'quorum_failed', 'commit_resent'],
    '-',
  ],
  [
    'a node that starts after its end is shown as dead, then goes to rehab',
    FINAL,
    ['ack_run'],
    'run_complete client_died_while_running, rehab',
  ],
  [
    'any other sign of life after the end of the job node sends the node to rehab',
    FINAL,
    [...MESSAGES.filter((message) => message !== 'ack_run'), 'down'],
    'rehab, run_complete client_died_while_running',
  ],
  ['the server gives no input to a node that has ended', FINAL, SERVER_INPUTS, '-'],
];

const OVER: readonly Intent[] = [
  [
    'a node that still acts on the job must drop it; the feed is complete',
    FINAL,
    ['ack_commit', 'ack_run'],
    'quiet_rehab',
  ],
  [
    'everything else changes nothing',
    FINAL,
    INPUTS.filter((input) => input !== 'ack_commit' && input !== 'ack_run'),
    '-',
  ],
];

describe.each<[phase: JobPhase, condition: string, live: readonly NodeStatus[], intents: readonly Intent[]]>([
  ['voting', 'while the job votes', ['new', 'ready'], VOTING],
  ['running', 'while the job runs', ['ready', 'running'], RUNNING],
  ['over', 'when the job is over', [], OVER],
])('a job node (%s) %s', (phase, _condition, live, intents) => {
  test.each(intents)('%s', (_intent, statuses, inputs, expected) => {
    for (const status of statuses)
      for (const input of inputs) expect(step(phase, status, input), `${status} ${input}`).toBe(expected);
  });

  test('has one intent for each pair of status and input', () => {
    const cellsOf = (statuses: readonly NodeStatus[], inputs: readonly JobNodeInput[]): string[] =>
      statuses.flatMap((status) => inputs.map((input) => `${status} ${input}`));
    const covered = intents.flatMap(([, statuses, inputs]) => cellsOf(statuses, inputs));
    expect(covered.toSorted()).toEqual(cellsOf([...live, ...FINAL], INPUTS).toSorted());
  });
});

type Case = readonly [intent: string, status: NodeStatus, input: JobNodeInput, expected: string];

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

  test('a timeout or an abort does not spare a node that has votes to give: it has said yes to this job', () => {
    for (const status of ['ready', 'running'] as const) {
      expect(step('running', status, 'run_timeout', 'pending')).toBe('timed_out: quiet_rehab');
      expect(step('running', status, 'abort_requested', 'pending')).toBe('aborted: quiet_rehab');
    }
  });

  test('nothing sends a node to rehab that has said yes to the other job: it has dropped this one', () => {
    for (const phase of ['voting', 'running', 'over'] as const)
      for (const status of STATUSES)
        for (const input of INPUTS)
          expect(step(phase, status, input, 'committed'), `${phase} ${status} ${input}`).not.toMatch(
            /rehab(?!_event)/,
          );
  });

  test('only rehab and late nacks depend on other jobs: status and events of a live job node never do', () => {
    const withoutRehab = (text: string): string =>
      text
        .replaceAll(/(quiet_)?rehab(_event)?/g, '')
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
