import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConfigFault } from '../../../../src/client/server/config-fetch.js';
import { ConfigRefresh } from '../../../../src/client/server/config-refresh.js';
import type { SessionConfig } from '../../../../src/client/server/session-config.js';
import { AppError } from '../../../../src/shared/lib/app-error.js';
import { type Deferred, deferred } from '../../../../src/shared/lib/deferred.js';
import { ok, type Result } from '../../../../src/shared/lib/result.js';
import { eventually } from '../../../support/eventually.js';

type Answer = Result<SessionConfig, ConfigFault>;

const config = { commandAddress: 'tcp://push:10002' } as SessionConfig;

let isIdle: boolean;
let fetches: Deferred<Answer>[];
let applied: SessionConfig[];
let faults: ConfigFault[];
let applyFault: Error | undefined;
let refresh: ConfigRefresh;

beforeEach(() => {
  isIdle = true;
  [fetches, applied, faults, applyFault] = [[], [], [], undefined];
  refresh = new ConfigRefresh({
    fetch: () => {
      const fetch = deferred<Answer>();
      fetches.push(fetch);
      return fetch.promise;
    },
    isIdle: () => isIdle,
    apply: (one) => {
      if (applyFault !== undefined) throw applyFault;
      applied.push(one);
    },
    failed: (fault) => faults.push(fault),
    log: pino({ level: 'silent' }),
  });
  refresh.request('a test', 0);
});
afterEach(() => refresh.stop());

const answer = async (given: Answer): Promise<void> => {
  await eventually(() => fetches.length > 0);
  fetches.at(-1)?.resolve(given);
  await fetches.at(-1)?.promise;
};

test('a config that comes while no job is under way is applied', async () => {
  await answer(ok(config));
  await eventually(() => applied.length === 1);
  expect(refresh.isPending).toBe(false);
});

test('a job begins while the server is asked: the config is fetched and applied after it', async () => {
  await eventually(() => fetches.length > 0);
  isIdle = false;
  await answer(ok(config));
  await Promise.resolve();
  expect(applied).toEqual([]);
  expect(refresh.isPending).toBe(true);
  isIdle = true;
  refresh.resume();
  expect(fetches).toHaveLength(2);
  await answer(ok(config));
  await eventually(() => applied.length === 1);
});

test('a config that no channel can be opened with counts as a refusal, and the server is asked again', async () => {
  applyFault = new Error('Invalid argument');
  await answer(ok(config));
  await eventually(() => faults.length === 1);
  expect(faults).toEqual([
    { kind: 'refused', reason: 'the config of the server cannot be used: Invalid argument' },
  ]);
  expect(refresh.isPending).toBe(true);
});

test('what keeps it from asking is told in its own words', async () => {
  await eventually(() => fetches.length > 0);
  fetches[0]?.reject(new AppError('certificate', 'cannot read the certificate /c.pem'));
  await eventually(() => faults.length === 1);
  expect(faults).toEqual([{ kind: 'away', reason: 'cannot read the certificate /c.pem' }]);
});
