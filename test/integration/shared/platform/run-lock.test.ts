import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { takeRunLock } from '../../../../src/shared/platform/run-lock.js';

const folder = mkdtempSync(join(tmpdir(), 'run-lock-'));
const path = join(folder, 'chef-client-running.pid');
afterAll(() => rmSync(folder, { recursive: true }));

/** Whether another program could take the lock now. */
const isFree = (): boolean => {
  try {
    execFileSync('flock', ['--nonblock', path, 'true']);
    return true;
  } catch {
    return false;
  }
};

test('a lock is held against other programs until it is released', async () => {
  const lock = await takeRunLock(path);
  if (!lock.ok) throw new Error(lock.error.reason);
  expect(isFree()).toBe(false);
  expect(await takeRunLock(path)).toEqual({
    ok: false,
    error: { isHeld: true, reason: `the lock ${path} is held by another program` },
  });
  await lock.value.release();
  expect(isFree()).toBe(true);
});

test('before the first run of chef-client, which would make it, the folder of its lock is made', async () => {
  const first = join(folder, 'var', 'cache', 'chef-client-running.pid');
  const lock = await takeRunLock(first);
  if (!lock.ok) throw new Error(lock.error.reason);
  await lock.value.release();
  expect(statSync(dirname(first)).mode & 0o777).toBe(0o755);
});

test('a file that cannot be made is a reason', async () => {
  expect(await takeRunLock('/dev/null/no/such')).toMatchObject({
    ok: false,
    error: { isHeld: false, reason: expect.stringContaining('cannot open the lock file') as string },
  });
});
