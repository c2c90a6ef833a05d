import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { acquireRunLock } from '../../../../src/shared/platform/run-lock.js';

const folder = mkdtempSync(join(tmpdir(), 'run-lock-'));
const path = join(folder, 'chef-client-running.pid');
afterAll(() => rmSync(folder, { recursive: true }));

/** Whether another program can take the lock now. */
const isFree = (): boolean => {
  try {
    execFileSync('flock', ['--nonblock', path, 'true']);
    return true;
  } catch {
    return false;
  }
};

test('holds the lock against other programs until release', async () => {
  const lock = await acquireRunLock(path);
  if (!lock.ok) throw new Error(lock.error.reason);
  expect(isFree()).toBe(false);
  expect(await acquireRunLock(path)).toEqual({
    ok: false,
    error: { isHeld: true, reason: `the lock ${path} is held by another program` },
  });
  await lock.value.release();
  expect(isFree()).toBe(true);
});

test('creates the folder of the lock if chef-client has never run', async () => {
  const first = join(folder, 'var', 'cache', 'chef-client-running.pid');
  const lock = await acquireRunLock(first);
  if (!lock.ok) throw new Error(lock.error.reason);
  await lock.value.release();
  expect(statSync(dirname(first)).mode & 0o777).toBe(0o755);
});

test('gives a reason if the file cannot be created', async () => {
  expect(await acquireRunLock('/dev/null/no/such')).toMatchObject({
    ok: false,
    error: { isHeld: false, reason: expect.stringContaining('cannot open the lock file') as string },
  });
});
