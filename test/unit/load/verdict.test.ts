import { expect, test } from 'vitest';
import type { Job } from '../../../src/shared/api-client/push-jobs-client.js';
import type { NodeStatus } from '../../../src/shared/protocol/job-status.js';
import type { JobRecord } from '../../load/chaos/job-record.js';
import { type Evidence, judge, type Verdict } from '../../load/chaos/verdict.js';

const ID = 'a'.repeat(32);
const NODES = ['node1', 'node2'];
const COMMAND = 'work 1.00 7';

const jobOf = (over: Partial<Job> = {}): Job => ({
  id: ID,
  command: COMMAND,
  status: 'complete',
  run_timeout: 60,
  created_at: 'Mon, 30 Nov 2026 09:00:00 GMT',
  updated_at: 'Mon, 30 Nov 2026 09:00:05 GMT',
  nodes: { succeeded: NODES },
  ...over,
});

const recordOf = (over: Partial<JobRecord> = {}): JobRecord => ({
  command: COMMAND,
  nodes: NODES,
  id: ID,
  requests: 1,
  seen: new Map(),
  seenOfJob: ['complete'],
  ...over,
});

const storedOf = (statuses: Record<string, NodeStatus>): Evidence['stored'] =>
  new Map([[ID, new Map(Object.entries(statuses))]]);

const log = (...lines: string[]): string[] => lines.map((line) => line.replace('JOB', ID));

const LOG = log('begin JOB node1 11', 'begin JOB node2 12', 'end JOB node1 11', 'end JOB node2 12');

/** The counts above 0 of a run with one job that went well, except for what `over` changes. */
const violationsOf = (over: Partial<Evidence>): Partial<Record<keyof Verdict, number>> => {
  const verdict = judge({
    records: [recordOf()],
    jobs: new Map([[ID, jobOf()]]),
    stored: storedOf({ node1: 'succeeded', node2: 'succeeded' }),
    listed: [COMMAND],
    commandLog: LOG,
    limitMs: 10_000,
    ...over,
  });
  const counts = Object.entries(verdict).map(([kind, lines]: [string, string[]]) => [kind, lines.length]);
  return Object.fromEntries(counts.filter(([, count]) => count !== 0)) as Record<keyof Verdict, number>;
};

const crashed = {
  jobs: new Map([[ID, jobOf({ nodes: { succeeded: ['node1'], crashed: ['node2'] } })]]),
  stored: storedOf({ node1: 'succeeded', node2: 'crashed' }),
};

test('a job that ended as its commands did violates nothing', () => {
  expect(violationsOf({})).toEqual({});
});

test('a command that began twice, and a start that made two jobs, are doubled', () => {
  expect(violationsOf({ commandLog: [...LOG, ...log('begin JOB node1 13', 'end JOB node1 13')] })).toEqual({
    doubled: 1,
  });
  expect(violationsOf({ listed: [COMMAND, COMMAND] })).toEqual({ doubled: 1 });
});

test('an accepted job that is missing or has other nodes is lost', () => {
  expect(violationsOf({ jobs: new Map() })).toEqual({ lost: 1 });
  expect(violationsOf({ records: [recordOf({ nodes: [...NODES, 'node3'] })] })).toEqual({ lost: 1 });
});

test('a job that has not ended, or ended too late, is stuck', () => {
  const running = { ...crashed, jobs: new Map([[ID, jobOf({ status: 'running' })]]), stored: storedOf({}) };
  expect(violationsOf({ ...running, records: [recordOf({ seenOfJob: [] })] })).toMatchObject({ stuck: 1 });
  expect(violationsOf({ limitMs: 4_000 })).toEqual({ stuck: 1 });
});

test('a command that ended needs a job node that succeeded, or a late result', () => {
  expect(violationsOf(crashed)).toEqual({ withoutResult: 1 });
  const late_result = { status: 'succeeded' as const, exit_code: 0, at: '2026-11-30T09:00:09Z' };
  const nodes = [{ node_name: 'node2', status: 'crashed' as const, late_result }];
  const details = { created_by: 'alice', quorum: 2, nodes };
  const job = jobOf({ nodes: { succeeded: ['node1'], crashed: ['node2'] }, details });
  expect(violationsOf({ ...crashed, jobs: new Map([[ID, job]]) })).toEqual({ late: 1 });
});

test('a command that began and did not end was killed', () => {
  expect(violationsOf({ ...crashed, commandLog: LOG.slice(0, 3) })).toEqual({ killed: 1 });
});

test('a job node that changed after its end, differs from the database, or succeeded unrun is contradictory', () => {
  const seen = new Map<string, NodeStatus[]>([['node2', ['crashed']]]);
  expect(violationsOf({ records: [recordOf({ seen })] })).toEqual({ contradictory: 1 });
  expect(violationsOf({ records: [recordOf({ seenOfJob: ['crashed'] })] })).toEqual({ contradictory: 1 });
  expect(violationsOf({ stored: storedOf({ node1: 'succeeded' }) })).toEqual({ contradictory: 1 });
  expect(violationsOf({ commandLog: log('begin JOB node1 1', 'end JOB node1 1') })).toEqual({
    contradictory: 1,
  });
});

test('a request that was refused for good is a violation of its own', () => {
  const { id: _id, ...unaccepted } = recordOf();
  expect(violationsOf({ records: [{ ...unaccepted, refusal: 'no' }], commandLog: [] })).toEqual({
    refused: 1,
  });
});
