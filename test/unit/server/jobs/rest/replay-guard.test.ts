import { beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../../../../../src/shared/lib/deferred.js';
import { StartedRequests } from '../../../../../src/server/jobs/rest/replay-guard.js';

/** So long after its time a request is believed, in milliseconds; as long before it, too. */
const SKEW_MS = 900_000;

const signature = Buffer.from('of alice, at 08:00:00');
const other = Buffer.from('of alice, at 08:00:01');

let now: number;
let jobs: number;
let requests: StartedRequests;
beforeEach(() => {
  [now, jobs] = [5_000, 0];
  requests = new StartedRequests(() => now);
});

const start = (which = signature) => requests.startOnce(which, () => Promise.resolve(++jobs));
const fail = (which = signature) => requests.startOnce(which, () => Promise.reject(new Error('database')));

describe('a request that started a job', () => {
  it('starts none when it comes again after more than two seconds, for as long as its time is accepted', async () => {
    expect(await start()).toEqual({ ok: true, value: 1 });
    now += 2_001;
    expect(await start()).toEqual({ ok: false, error: 'replayed' });
    now += 2 * SKEW_MS - 2_001;
    expect(await start()).toEqual({ ok: false, error: 'replayed' });
    expect(jobs).toBe(1);
  });

  it('starts another when it comes again within two seconds of the first time: that one is meant', async () => {
    await start();
    now += 1_500;
    expect(await start()).toEqual({ ok: true, value: 2 });
    now += 501;
    expect(await start()).toEqual({ ok: false, error: 'replayed' });
  });

  it('is nothing to one that is signed anew', async () => {
    await start();
    now += 10_000;
    expect(await start(other)).toEqual({ ok: true, value: 2 });
  });

  it('is known while it is still being stored', async () => {
    const stored = deferred();
    const first = requests.startOnce(signature, () => stored.promise);
    now += 2_001;
    expect(await start()).toEqual({ ok: false, error: 'replayed' });
    stored.resolve();
    expect((await first).ok).toBe(true);
  });
});

describe('a request that started none', () => {
  it('starts one when it comes again, however late', async () => {
    await expect(fail()).rejects.toThrow('database');
    now += 60_000;
    expect(await start()).toEqual({ ok: true, value: 1 });
  });

  it('is known all the same where its twin of the same second did', async () => {
    const stored = deferred();
    const lost = requests.startOnce(signature, () => stored.promise.then(() => fail()));
    await start();
    stored.resolve();
    await expect(lost).rejects.toThrow('database');
    now += 60_000;
    expect(await start()).toEqual({ ok: false, error: 'replayed' });
  });
});
