import { pino } from 'pino';
import { beforeEach, expect, it } from 'vitest';
import { ResultConfirmations } from '../../../../../src/server/jobs/live/result-confirmations.js';
import { type Deferred, deferred } from '../../../../../src/shared/lib/deferred.js';
import type { NodeStatus } from '../../../../../src/shared/protocol/job-status.js';
import { eventually } from '../../../../support/eventually.js';

const address = (node: string) => ({ orgId: 'o', node });

let sent: string[];
let flushes: Deferred<undefined>[];
let stored: NodeStatus | undefined;
let confirmations: ResultConfirmations;

beforeEach(() => {
  [sent, flushes, stored] = [[], [], undefined];
  confirmations = new ResultConfirmations(
    {
      flushed: () => {
        const flush = deferred<undefined>();
        flushes.push(flush);
        return flush.promise;
      },
      nodeStatus: () => Promise.resolve(stored),
    },
    {
      send: (addresses, command) =>
        sent.push(
          `${command.type} ${'job_id' in command ? command.job_id : ''} ${addresses.map(({ node }) => node).join()}`,
        ),
    },
    pino({ level: 'silent' }),
  );
});

it('confirms results only after what came before them is durable, many with one flush', async () => {
  confirmations.confirmWhenStored(address('a'), 'J');
  confirmations.confirmWhenStored(address('b'), 'J');
  confirmations.confirmWhenStored(address('c'), 'K');
  expect([flushes.length, sent]).toEqual([1, []]);
  flushes[0]!.resolve(undefined);
  await eventually(() => flushes.length === 2);
  expect(sent).toEqual(['result_stored J a']);
  flushes[1]!.resolve(undefined);
  await eventually(() => sent.length === 3);
  expect(sent.slice(1)).toEqual(['result_stored J b', 'result_stored K c']);
});

it('confirms nothing if the changes cannot be stored, and goes on with the next result', async () => {
  confirmations.confirmWhenStored(address('a'), 'J');
  flushes[0]!.reject(new Error('the server stops'));
  await eventually(() => {
    if (flushes.length < 2) confirmations.confirmWhenStored(address('b'), 'J');
    return flushes.length === 2;
  });
  flushes[1]!.resolve(undefined);
  await eventually(() => sent.length > 0);
  expect(sent.join()).not.toContain('a');
});

it('says of a job that is not in memory whether a job node with a final status is stored', async () => {
  await confirmations.answerForStoredJob(address('a'), 'J');
  expect(sent).toEqual(['result_unknown J a']);
  stored = 'running';
  await confirmations.answerForStoredJob(address('a'), 'J');
  expect([sent.length, flushes.length]).toEqual([1, 0]);
  stored = 'succeeded';
  await confirmations.answerForStoredJob(address('a'), 'J');
  flushes[0]!.resolve(undefined);
  await eventually(() => sent.length === 2);
  expect(sent[1]).toBe('result_stored J a');
});
