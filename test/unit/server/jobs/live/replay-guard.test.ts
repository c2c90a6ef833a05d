import { beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../../../../../src/shared/lib/deferred.js';
import { MAX_STARTS_PER_SIGNATURE, ReplayGuard } from '../../../../../src/server/jobs/live/replay-guard.js';

/** How far the timestamp of a request may differ from the server's clock, in both directions. */
const SKEW_MS = 900_000;

const signature = Buffer.from('of alice, at 08:00:00');
const other = Buffer.from('of alice, at 08:00:01');

let now: number;
let jobs: number;
let guard: ReplayGuard;
beforeEach(() => {
  [now, jobs] = [5_000, 0];
  guard = new ReplayGuard(() => now);
});

const start = (which = signature) => guard.runOnce(which, () => Promise.resolve(++jobs));
const fail = (which = signature) => guard.runOnce(which, () => Promise.reject(new Error('database')));

describe('a request that started a job', () => {
  it('is a replay after two seconds, as long as its timestamp is accepted', async () => {
    expect(await start()).toEqual({ ok: true, value: 1 });
    now += 2_001;
    expect(await start()).toEqual({ ok: false, error: 'replayed' });
    now += 2 * SKEW_MS - 2_001;
    expect(await start()).toEqual({ ok: false, error: 'replayed' });
    expect(jobs).toBe(1);
  });

  it('starts another job within two seconds of the first time: that is a new request', async () => {
    await start();
    now += 1_500;
    expect(await start()).toEqual({ ok: true, value: 2 });
    now += 501;
    expect(await start()).toEqual({ ok: false, error: 'replayed' });
  });

  it('starts at most ten jobs, however often it is repeated within two seconds', async () => {
    const outcomes = await Promise.all(Array.from({ length: 2_700 }, () => start()));
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(MAX_STARTS_PER_SIGNATURE);
    expect(await start()).toEqual({ ok: false, error: 'replayed' });
    expect(jobs).toBe(10);
  });

  it('does not affect a request with another signature', async () => {
    await start();
    now += 10_000;
    expect(await start(other)).toEqual({ ok: true, value: 2 });
  });

  it('is remembered while its job is being stored', async () => {
    const stored = deferred();
    const first = guard.runOnce(signature, () => stored.promise);
    now += 2_001;
    expect(await start()).toEqual({ ok: false, error: 'replayed' });
    stored.resolve();
    expect((await first).ok).toBe(true);
  });
});

describe('a request that started none', () => {
  it('starts one when it is repeated at any time', async () => {
    await expect(fail()).rejects.toThrow('database');
    now += 60_000;
    expect(await start()).toEqual({ ok: true, value: 1 });
  });

  it('does not count for the repetitions of the same second', async () => {
    for (let time = 0; time < 30; time++) await expect(fail()).rejects.toThrow('database');
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, index) => (index < 6 ? start() : fail().catch(() => 'failed'))),
    );
    expect(outcomes.slice(6)).toEqual(Array(6).fill(expect.anything()));
    for (let time = 0; time < 4; time++) expect((await start()).ok).toBe(true);
    expect(await start()).toEqual({ ok: false, error: 'replayed' });
  });

  it('is remembered if an equal request of the same second started one', async () => {
    const stored = deferred();
    const lost = guard.runOnce(signature, () => stored.promise.then(() => fail()));
    await start();
    stored.resolve();
    await expect(lost).rejects.toThrow('database');
    now += 60_000;
    expect(await start()).toEqual({ ok: false, error: 'replayed' });
  });
});
