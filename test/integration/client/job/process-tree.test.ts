import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  identifyProcess,
  killProcessTree,
  findTreeProcesses,
  isStillRunning,
} from '../../../../src/client/job/process-tree.js';
import { readProcess } from '../../../../src/client/job/proc-table.js';
import { eventually } from '../../../support/eventually.js';

const MARKS = ['CHEF_PUSH_NODE_NAME=web1', 'CHEF_PUSH_JOB_ID=0123'];
const ENV = { PATH: process.env.PATH, CHEF_PUSH_NODE_NAME: 'web1', CHEF_PUSH_JOB_ID: '0123' };

let folder: string;
let child: ChildProcess;

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'process-tree-'))));
afterEach(async () => {
  const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
  await killProcessTree({ leader: child.pid, markers: MARKS }, 0);
  await ended;
  rmSync(folder, { recursive: true });
});

/** Starts a command like the command of a job. */
const start = (line: string, env: NodeJS.ProcessEnv = ENV): number => {
  child = spawn('/bin/sh', ['-c', line], { cwd: folder, env, detached: true, stdio: 'ignore' });
  return child.pid!;
};
/** Resolves to the process id that a process wrote into a file. */
const writtenPid = (name: string): Promise<number> =>
  eventually(
    () => Number(existsSync(join(folder, name)) && readFileSync(join(folder, name), 'utf8')) || undefined,
  );
const pidsOf = (tree: Parameters<typeof findTreeProcesses>[0]): number[] =>
  findTreeProcesses(tree).map(({ pid }) => pid);

test('finds a process that left the group by its environment, and ends it', async () => {
  const leader = start("setsid sh -c 'echo $$ > escaped; exec sleep 300' & sleep 300");
  const escaped = await writtenPid('escaped');
  expect(readProcess(escaped)?.session).toBe(escaped);
  expect(pidsOf({ leader, markers: MARKS })).toEqual(expect.arrayContaining([leader, escaped]));
  expect(await killProcessTree({ leader, markers: MARKS }, 5000)).toBe(true);
  expect([readProcess(leader), readProcess(escaped)]).toEqual([undefined, undefined]);
});

test('finds all processes by their environment without a leader, including orphans', async () => {
  start("(setsid sh -c 'echo $$ > orphan; exec sleep 300' &) ; exit 0");
  const orphan = await writtenPid('orphan');
  await eventually(() => readProcess(child.pid!) === undefined);
  expect(await killProcessTree({ leader: undefined, markers: MARKS }, 5000)).toBe(true);
  expect(readProcess(orphan)).toBeUndefined();
});

test('finds a process that cleared its environment by its parents', async () => {
  const leader = start('sh -c \'env -i setsid -w sh -c "echo \\$\\$ > bare; exec sleep 300"\'');
  const bare = await writtenPid('bare');
  expect(pidsOf({ leader, markers: MARKS })).toContain(bare);
});

test('spares the same job of another node on this machine', async () => {
  const other = start('sleep 300', { ...ENV, CHEF_PUSH_NODE_NAME: 'web2' });
  await eventually(() => readProcess(other) !== undefined);
  expect(pidsOf({ leader: undefined, markers: MARKS })).toEqual([]);
  expect(await killProcessTree({ leader: undefined, markers: MARKS }, 0)).toBe(true);
  expect(readProcess(other)).toBeDefined();
});

test('kills a process that ignores TERM after the grace period', async () => {
  const leader = start("trap '' TERM; echo $$ > ready; while :; do sleep 1; done");
  await writtenPid('ready');
  expect(await killProcessTree({ leader, markers: MARKS }, 200)).toBe(true);
  expect(readProcess(leader)).toBeUndefined();
});

test('recognises a process, and distinguishes it from one that reused its id', async () => {
  const leader = start('exec sleep 300');
  const known = identifyProcess(leader)!;
  expect(isStillRunning(known)).toBe(true);
  expect(isStillRunning({ ...known, startTime: '1' })).toBe(false);
  expect(isStillRunning({ ...known, bootId: 'another boot' })).toBe(false);
  process.kill(leader, 'SIGKILL');
  await eventually(() => !isStillRunning(known));
});

test('spares the client itself if a job started it', () => {
  start('exec sleep 300');
  expect(pidsOf({ leader: process.pid, markers: [] })).not.toContain(process.pid);
});
