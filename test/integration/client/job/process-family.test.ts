import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  describeProcess,
  endFamily,
  findFamily,
  isStillRunning,
} from '../../../../src/client/job/process-family.js';
import { readProcess } from '../../../../src/client/job/proc-table.js';
import { eventually } from '../../../support/eventually.js';

const MARKS = ['CHEF_PUSH_NODE_NAME=web1', 'CHEF_PUSH_JOB_ID=0123'];
const ENV = { PATH: process.env.PATH, CHEF_PUSH_NODE_NAME: 'web1', CHEF_PUSH_JOB_ID: '0123' };

let folder: string;
let child: ChildProcess;

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'process-family-'))));
afterEach(async () => {
  const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
  await endFamily({ leader: child.pid, marks: MARKS }, 0);
  await ended;
  rmSync(folder, { recursive: true });
});

/** Starts a command as a job's is started. */
const start = (line: string, env: NodeJS.ProcessEnv = ENV): number => {
  child = spawn('/bin/sh', ['-c', line], { cwd: folder, env, detached: true, stdio: 'ignore' });
  return child.pid!;
};
/** The number that a process has written of itself. */
const written = (name: string): Promise<number> =>
  eventually(
    () => Number(existsSync(join(folder, name)) && readFileSync(join(folder, name), 'utf8')) || undefined,
  );
const pidsOf = (family: Parameters<typeof findFamily>[0]): number[] =>
  findFamily(family).map(({ pid }) => pid);

test('what left the group by setsid is found by its variables, and ended with the rest', async () => {
  const leader = start("setsid sh -c 'echo $$ > escaped; exec sleep 300' & sleep 300");
  const escaped = await written('escaped');
  expect(readProcess(escaped)?.session).toBe(escaped);
  expect(pidsOf({ leader, marks: MARKS })).toEqual(expect.arrayContaining([leader, escaped]));
  expect(await endFamily({ leader, marks: MARKS }, 5000)).toBe(true);
  expect([readProcess(leader), readProcess(escaped)]).toEqual([undefined, undefined]);
});

test('without a leader the variables alone find all, also what lost its parent', async () => {
  start("(setsid sh -c 'echo $$ > orphan; exec sleep 300' &) ; exit 0");
  const orphan = await written('orphan');
  await eventually(() => readProcess(child.pid!) === undefined);
  expect(await endFamily({ leader: undefined, marks: MARKS }, 5000)).toBe(true);
  expect(readProcess(orphan)).toBeUndefined();
});

test('what cleared its variables is found by its parents', async () => {
  const leader = start('sh -c \'env -i setsid -w sh -c "echo \\$\\$ > bare; exec sleep 300"\'');
  const bare = await written('bare');
  expect(pidsOf({ leader, marks: MARKS })).toContain(bare);
});

test('another node’s part in the same job on this machine is left alone', async () => {
  const other = start('sleep 300', { ...ENV, CHEF_PUSH_NODE_NAME: 'web2' });
  await eventually(() => readProcess(other) !== undefined);
  expect(pidsOf({ leader: undefined, marks: MARKS })).toEqual([]);
  expect(await endFamily({ leader: undefined, marks: MARKS }, 0)).toBe(true);
  expect(readProcess(other)).toBeDefined();
});

test('who ignores TERM is killed after the grace time', async () => {
  const leader = start("trap '' TERM; echo $$ > ready; while :; do sleep 1; done");
  await written('ready');
  expect(await endFamily({ leader, marks: MARKS }, 200)).toBe(true);
  expect(readProcess(leader)).toBeUndefined();
});

test('a process is known again, and not taken for another that got its number', async () => {
  const leader = start('exec sleep 300');
  const known = describeProcess(leader)!;
  expect(isStillRunning(known)).toBe(true);
  expect(isStillRunning({ ...known, startTime: '1' })).toBe(false);
  expect(isStillRunning({ ...known, bootId: 'another run of the machine' })).toBe(false);
  process.kill(leader, 'SIGKILL');
  await eventually(() => !isStillRunning(known));
});

test('we ourselves are spared, though a job started us', () => {
  start('exec sleep 300');
  expect(pidsOf({ leader: process.pid, marks: [] })).not.toContain(process.pid);
});
