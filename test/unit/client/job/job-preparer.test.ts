import { beforeEach, expect, test } from 'vitest';
import type { JobAssignment } from '../../../../src/client/domain/job-machine.js';
import { JobPreparer } from '../../../../src/client/job/job-preparer.js';
import { type Deferred, deferred } from '../../../../src/shared/lib/deferred.js';
import { err, ok, type Result } from '../../../../src/shared/lib/result.js';
import { eventually } from '../../../support/eventually.js';

const job = (jobId: string): JobAssignment => ({ jobId, command: 'x', env: {}, capture: false });

let calls: string[];
let outcomes: string[];
let running: Deferred<Result<void, string>>[];
let preparer: JobPreparer;

beforeEach(() => {
  [calls, outcomes, running] = [[], [], []];
  preparer = new JobPreparer(
    {
      prepare: ({ jobId }) => {
        calls.push(`prepare ${jobId}`);
        const preparation = deferred<Result<void, string>>();
        running.push(preparation);
        return preparation.promise;
      },
      discard: (jobId) => {
        calls.push(`discard ${jobId}`);
        return Promise.resolve();
      },
    },
    ({ kind, jobId }) => outcomes.push(`${kind} ${jobId}`),
    (thrown) => {
      throw thrown;
    },
  );
});

test('reports how each preparation ended', async () => {
  const both = Promise.all([preparer.prepare(job('a')), preparer.prepare(job('b'))]);
  await eventually(() => running.length === 2);
  running[1]!.resolve(err('no'));
  running[0]!.resolve(ok(undefined));
  await both;
  expect(outcomes.toSorted()).toEqual(['declined b', 'prepared a']);
});

test('a job that comes again while it is prepared is prepared again after the first preparation was discarded', async () => {
  const first = preparer.prepare(job('a'));
  await eventually(() => running.length === 1);
  const both = Promise.all([first, preparer.prepare(job('a'))]);
  running[0]!.resolve(ok(undefined));
  await eventually(() => running.length === 2);
  expect([calls, outcomes]).toEqual([['prepare a', 'discard a', 'prepare a'], []]);
  running[1]!.resolve(ok(undefined));
  await both;
  expect(outcomes).toEqual(['prepared a']);
});

test('declines jobs while too many aborted ones are still being prepared', async () => {
  const names = Array.from({ length: 9 }, (_, index) => `${index}`);
  const all = Promise.all(names.map((name) => preparer.prepare(job(name))));
  await eventually(() => running.length === 8);
  expect(outcomes).toEqual(['declined 8']);
  for (const preparation of running) preparation.resolve(ok(undefined));
  await all;
  const next = preparer.prepare(job('next'));
  await eventually(() => running.length === 9);
  running[8]!.resolve(ok(undefined));
  await next;
  expect(outcomes.at(-1)).toBe('prepared next');
});
