import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtProgram } from '../../support/client-under-test.js';

const folder = mkdtempSync(join(tmpdir(), 'push-jobs-programs-'));
const file = join(folder, 'job');
beforeAll(() => {
  // A fake chef-apply that prints its arguments and input.
  writeFileSync(join(folder, 'chef-apply'), '#!/bin/sh\necho "args: $*"; cat; exit 4\n');
  chmodSync(join(folder, 'chef-apply'), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (program: string, content: string, args: readonly string[] = []) => {
  writeFileSync(file, content);
  const env = { PATH: `${folder}:/usr/bin:/bin`, CHEF_PUSH_JOB_FILE: file, MINE: 'é' };
  return spawnSync(process.execPath, [builtProgram(program), ...args], {
    env,
    cwd: folder,
    encoding: 'utf8',
  });
};

test('print_execution_environment prints everything that a command gets', () => {
  const { stdout, status } = run('print-execution-environment', 'hello\n', ['a b', '"']);
  expect(status).toBe(0);
  expect(stdout).toContain('arguments: ["a b","\\""]');
  expect(stdout).toContain(`folder: ${folder}`);
  expect(stdout).toContain(`job file: ${file}\nhello`);
  expect(stdout).toContain('  MINE=é\n');
});

test('push-apply passes the recipe to chef-apply and exits with its exit code', () => {
  const { stdout, status } = run('push-apply', '{"format":1,"file":"package \\"x\\"\\n"}');
  expect(stdout).toBe('args: --stdin\npackage "x"\n');
  expect(status).toBe(4);
});

test('push-apply exits with 78 if the file has another format', () => {
  const { stderr, status } = run('push-apply', '{"format":2}');
  expect(status).toBe(78);
  expect(stderr).toContain('is not {"format":1');
});
