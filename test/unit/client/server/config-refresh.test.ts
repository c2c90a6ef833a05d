import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConfigFetchFailure } from '../../../../src/client/server/config-fetch.js';
import { ConfigRefresh } from '../../../../src/client/server/config-refresh.js';
import type { ConnectionConfig } from '../../../../src/client/server/connection-config.js';
import { AppError } from '../../../../src/shared/lib/app-error.js';
import { type Deferred, deferred } from '../../../../src/shared/lib/deferred.js';
import { ok, type Result } from '../../../../src/shared/lib/result.js';
import { eventually } from '../../../support/eventually.js';

type Fetched = Result<ConnectionConfig, ConfigFetchFailure>;

const config = { commandAddress: 'tcp://push:10002' } as ConnectionConfig;

let isNodeIdle: boolean;
let fetches: Deferred<Fetched>[];
let applied: ConnectionConfig[];
let held: ConnectionConfig[];
let failures: ConfigFetchFailure[];
let applyError: Error | undefined;
let refresh: ConfigRefresh;

beforeEach(() => {
  isNodeIdle = true;
  [fetches, applied, held, failures, applyError] = [[], [], [], [], undefined];
  refresh = new ConfigRefresh({
    fetch: () => {
      const fetch = deferred<Fetched>();
      fetches.push(fetch);
      return fetch.promise;
    },
    isNodeIdle: () => isNodeIdle,
    apply: (config) => {
      if (applyError !== undefined) throw applyError;
      applied.push(config);
    },
    onHeld: (config) => held.push(config),
    onFailure: (failure) => failures.push(failure),
    log: pino({ level: 'silent' }),
  });
  refresh.request('a test', 0);
});
afterEach(() => refresh.stop());

const respond = async (fetched: Fetched): Promise<void> => {
  await eventually(() => fetches.length > 0);
  fetches.at(-1)?.resolve(fetched);
  await fetches.at(-1)?.promise;
};

test('applies a config that arrives while the node is idle', async () => {
  await respond(ok(config));
  await eventually(() => applied.length === 1);
  expect(refresh.isPending).toBe(false);
});

test('fetches the config while the node has a job, and applies it when the node is idle', async () => {
  isNodeIdle = false;
  await respond(ok(config));
  await eventually(() => held.length === 1);
  expect(applied).toEqual([]);
  expect([refresh.isPending, refresh.isFetchPending]).toEqual([true, false]);
  isNodeIdle = true;
  refresh.resume();
  expect(applied).toEqual([]); // the result of the job may still be on its way over the old connection
  await eventually(() => applied.length === 1);
  expect([fetches.length, refresh.isPending]).toEqual([1, false]);
});

test('a long job holds only the latest config', async () => {
  isNodeIdle = false;
  await respond(ok({ ...config, lifetimeMs: 1 }));
  await eventually(() => held.length === 1);
  refresh.request('the config lifetime is over', 0);
  await eventually(() => fetches.length === 2);
  await respond(ok(config));
  await eventually(() => held.length === 2);
  isNodeIdle = true;
  refresh.resume();
  refresh.resume();
  await eventually(() => applied.length > 0);
  expect(applied).toEqual([config]);
});

test('a held config that cannot be applied is fetched again', async () => {
  isNodeIdle = false;
  await respond(ok(config));
  await eventually(() => held.length === 1);
  applyError = new Error('Invalid argument');
  isNodeIdle = true;
  refresh.resume();
  await eventually(() => failures.length === 1);
  expect(refresh.isFetchPending).toBe(true);
});

test('retries as after a rejection if the config cannot be applied', async () => {
  applyError = new Error('Invalid argument');
  await respond(ok(config));
  await eventually(() => failures.length === 1);
  expect(failures).toEqual([
    { kind: 'rejected', reason: 'cannot use the config of the server: Invalid argument' },
  ]);
  expect(refresh.isPending).toBe(true);
});

test('reports the message of an expected error', async () => {
  await eventually(() => fetches.length > 0);
  fetches[0]?.reject(new AppError('certificate', 'cannot read the certificate /c.pem'));
  await eventually(() => failures.length === 1);
  expect(failures).toEqual([{ kind: 'temporary', reason: 'cannot read the certificate /c.pem' }]);
});
