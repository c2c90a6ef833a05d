import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type JobCgroup,
  JobCgroups,
  killCgroup,
  processesInCgroup,
} from '../../../../src/client/job/job-cgroup.js';
import { JobProcess } from '../../../../src/client/job/job-process.js';
import { killProcessTree, findTreeProcesses } from '../../../../src/client/job/process-tree.js';
import { readProcess } from '../../../../src/client/job/proc-table.js';
import { findUser } from '../../../../src/client/job/user-lookup.js';
import { eventually } from '../../../support/eventually.js';
import { canMakeCgroups, cgroupOf } from '../../../support/own-cgroup.js';

/** The expectations depend on whether this machine lets us create cgroups. */
const HAS_CGROUPS = canMakeCgroups();
const OWN = cgroupOf('self');

/** Clears its environment, leaves the session, loses its parent, writes its process id and ignores TERM. */
const ESCAPE = `env -i setsid -f /bin/sh -c "trap '' TERM; echo \\$\\$ > escaped; while :; do sleep 0.1; done"`;

let folder: string;
let lines: string[];
let cgroups: JobCgroups;
const escaped: number[] = [];
const openCgroups = (owner: string, roots?: string[]): JobCgroups =>
  JobCgroups.open(owner, pino({ level: 'debug' }, { write: (line: string) => lines.push(line) }), roots);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'job-cgroup-'));
  lines = [];
  cgroups = openCgroups(folder);
});
afterEach(async () => {
  for (const pid of escaped.splice(0).filter((one) => readProcess(one))) {
    process.kill(pid, 'SIGKILL');
    await eventually(() => readProcess(pid) === undefined);
  }
  await eventually(() => {
    cgroups.sweep();
    return !exists(cgroups.forJob('job')) && !exists(cgroups.forJob('other'));
  });
  rmSync(folder, { recursive: true });
});

const exists = (cgroup: JobCgroup | undefined): boolean => cgroup !== undefined && existsSync(cgroup.folder);

/** Runs a command like the command of a job; resolves when it has ended. */
const run = async (cgroup: JobCgroup | undefined, line: string): Promise<ChildProcess> => {
  const start = (): ChildProcess =>
    spawn('/bin/sh', ['-c', line], { cwd: folder, detached: true, stdio: 'ignore' });
  const child = cgroup?.startInside(start) ?? start();
  await once(child, 'exit');
  return child;
};
const runEscape = async (jobId: string): Promise<{ pid: number; cgroup: string | undefined }> => {
  const cgroup = cgroups.forJob(jobId);
  await run(cgroup, ESCAPE);
  const path = join(folder, 'escaped');
  const pid = await eventually(
    () => Number(existsSync(path) && readFileSync(path, 'utf8').trim()) || undefined,
  );
  escaped.push(pid);
  rmSync(path);
  return { pid, cgroup: cgroup?.folder };
};

describe('with or without cgroups', () => {
  test('a command starts in its own cgroup, as any user, and the client is not in it', async () => {
    const user = await findUser(process.getuid?.() === 0 ? 'daemon' : userInfo().username);
    let output = '';
    const started = await JobProcess.start({
      shell: { line: 'cat /proc/self/cgroup', parameters: [] },
      user: user.ok ? user.value : undefined,
      dir: undefined,
      env: {},
      markers: [],
      cgroup: cgroups.forJob('job'),
      capture: true,
      onOutput: (_, data) => (output += data.toString()),
      outputBytes: 10_000,
    });
    if (!started.ok) throw new Error(started.error);
    expect(await started.value.ended).toMatchObject({ exitCode: 0 });
    const own = OWN === '/' ? '' : OWN;
    expect(/^0::(.*)$/m.exec(output)?.[1]).toMatch(
      HAS_CGROUPS ? new RegExp(`^${own}/push-job-job-[0-9a-f]{12}$`) : OWN!,
    );
    expect(cgroupOf('self')).toBe(OWN);
  });

  test('a process that cleared its environment and lost group and parents is found and killed', async () => {
    const { pid, cgroup } = await runEscape('job');
    const tree = { leader: undefined, markers: ['CHEF_PUSH_JOB_ID=job'], cgroup };
    expect(findTreeProcesses(tree).some((entry) => entry.pid === pid)).toBe(HAS_CGROUPS);
    expect(await killProcessTree(tree, 100)).toBe(true);
    expect(readProcess(pid) === undefined).toBe(HAS_CGROUPS);
  });

  test('a cgroup is killed as a whole if the kernel supports it', async () => {
    const { pid, cgroup = folder } = await runEscape('job');
    const canKillAsWhole = existsSync(join(cgroup, 'cgroup.kill'));
    killCgroup(cgroup);
    if (canKillAsWhole)
      await eventually(() => readProcess(pid) === undefined && processesInCgroup(cgroup).length === 0);
    else expect(readProcess(pid)).toBeDefined();
  });

  test('spares processes that another job left running', async () => {
    const left = await runEscape('other');
    const { cgroup } = await runEscape('job');
    expect(await killProcessTree({ leader: undefined, markers: ['CHEF_PUSH_JOB_ID=job'], cgroup }, 0)).toBe(
      true,
    );
    expect(readProcess(left.pid)).toBeDefined();
  });

  test('a cgroup is removed when no process is left in it, and not before', async () => {
    const { pid, cgroup } = await runEscape('job');
    cgroups.sweep();
    openCgroups('another client').sweep();
    expect(cgroup !== undefined && existsSync(cgroup)).toBe(HAS_CGROUPS);
    process.kill(pid, 'SIGKILL');
    await eventually(() => readProcess(pid) === undefined);
    openCgroups('another client').sweep();
    expect(cgroup !== undefined && existsSync(cgroup)).toBe(HAS_CGROUPS);
    await eventually(() => {
      cgroups.sweep();
      return cgroup === undefined || !existsSync(cgroup);
    });
  });

  test('cgroups that a command created in its own belong to the job', async () => {
    const cgroup = cgroups.forJob('job');
    const below = `${cgroup?.folder ?? folder}/a/b`;
    await run(cgroup, `mkdir -p ${below} && echo $$ > ${below}/cgroup.procs; ${ESCAPE}`);
    const pid = await eventually(
      () => Number(existsSync(join(folder, 'escaped')) && readFileSync(join(folder, 'escaped'))) || undefined,
    );
    escaped.push(pid);
    expect(processesInCgroup(cgroup?.folder ?? folder).includes(pid)).toBe(HAS_CGROUPS);
  });

  test('spares the client itself if it is in the cgroup of a job', async () => {
    const { pid, cgroup } = await runEscape('job');
    const move = (to: string): void => {
      if (HAS_CGROUPS) writeFileSync(`${to}/cgroup.procs`, '0');
    };
    move(cgroup!);
    try {
      await killProcessTree({ leader: undefined, markers: ['CHEF_PUSH_JOB_ID=job'], cgroup }, 0);
      // A client that a job started creates its cgroups beside the cgroup of that job.
      expect(openCgroups(folder).forJob('next')?.folder).toBe(cgroups.forJob('next')?.folder);
    } finally {
      move(`${cgroup!}/..`);
    }
    expect(readProcess(pid) === undefined).toBe(HAS_CGROUPS);
  });
});

describe('without cgroups', () => {
  test('a job has no cgroup if the system has none, and the log says so once', () => {
    lines = [];
    expect(openCgroups('x', [join(folder, 'none')]).forJob('job')).toBeUndefined();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('jobs get no cgroups of their own');
  });

  test('a job has no cgroup if ours is not writable', () => {
    writeFileSync(join(folder, 'cgroup.controllers'), '');
    expect(openCgroups('x', [folder]).forJob('job')).toBeUndefined();
    expect(lines.join()).toContain('no such file or directory');
  });

  test('a command runs even if it cannot be started in a cgroup', async () => {
    const own = join(folder, OWN ?? '');
    mkdirSync(own, { recursive: true });
    writeFileSync(join(folder, 'cgroup.controllers'), '');
    writeFileSync(join(own, 'cgroup.procs'), '');
    const { exitCode } = await run(openCgroups('x', [folder]).forJob('job'), 'exit 7');
    expect(exitCode).toBe(7);
    expect(lines.join()).toContain('the job gets no cgroup of its own');
  });

  test('an existing cgroup is not entered, because it may be frozen', async () => {
    const cgroup = cgroups.forJob('job');
    if (HAS_CGROUPS) mkdirSync(cgroup!.folder);
    const { exitCode } = await run(cgroup, `cat /proc/self/cgroup > seen; exit 7`);
    expect(exitCode).toBe(7);
    expect(/^0::(.*)$/m.exec(readFileSync(join(folder, 'seen'), 'utf8'))?.[1]).toBe(OWN);
  });

  test('a job has no cgroup if its id is unsafe in a folder name', () => {
    expect(cgroups.forJob('../../etc')).toBeUndefined();
  });
});
