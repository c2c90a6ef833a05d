import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockFolder } from '../../../src/persistence/folder-lock.js';

describe('the lock on a folder', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'push-jobs-test-lock-'));
    file = join(folder, 'server.pid');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const startProcess = async (): Promise<ChildProcess> => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
    await once(child, 'spawn');
    return child;
  };

  const end = async (child: ChildProcess): Promise<void> => {
    child.kill();
    await once(child, 'exit');
  };

  it('names this process while it is held, and is gone when it is released', () => {
    const lock = lockFolder(folder);
    expect(readFileSync(file, 'utf8')).toBe(`${process.pid}\n`);
    lock.release();
    expect(existsSync(file)).toBe(false);
    lockFolder(folder).release();
  });

  it('is refused while another process lives that has it, and that one is named', async () => {
    const owner = await startProcess();
    writeFileSync(file, `${owner.pid ?? ''}\n`);
    expect(() => lockFolder(folder)).toThrow(
      `${folder} is in use by process ${owner.pid ?? ''}: stop that server`,
    );
    expect(readFileSync(file, 'utf8')).toBe(`${owner.pid ?? ''}\n`);
    await end(owner);
    lockFolder(folder).release(); // what a dead process left is no lock
  });

  it('is refused to the process that holds it already', () => {
    const lock = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(/in use by process/);
    lock.release();
  });

  it.each([
    ['our own number, from before a restart', `${process.pid}\n`],
    ['nothing', ''],
    ['no number', 'garbage\n'],
  ])('is taken where a file was left behind with %s', (_, content) => {
    writeFileSync(file, content);
    const lock = lockFolder(folder);
    expect(readFileSync(file, 'utf8')).toBe(`${process.pid}\n`);
    lock.release();
  });
});
