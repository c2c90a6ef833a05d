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
import { endFamily, findFamily } from '../../../../src/client/job/process-family.js';
import { readProcess } from '../../../../src/client/job/proc-table.js';
import { findUser } from '../../../../src/client/job/user-lookup.js';
import { eventually } from '../../../support/eventually.js';
import { canMakeCgroups, cgroupOf } from '../../../support/own-cgroup.js';

/** The one case holds on machines that let us make cgroups, the other one elsewhere. */
const HAS_CGROUPS = canMakeCgroups();
const OWN = cgroupOf('self');

/** Clears its variables, leaves the session, loses its parent, writes its number and does not mind TERM. */
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
    return !isThere(cgroups.of('job')) && !isThere(cgroups.of('other'));
  });
  rmSync(folder, { recursive: true });
});

const isThere = (cgroup: JobCgroup | undefined): boolean => cgroup !== undefined && existsSync(cgroup.folder);

/** Starts a command as a job's is started; resolves to it when it has ended. */
const run = async (cgroup: JobCgroup | undefined, line: string): Promise<ChildProcess> => {
  const start = (): ChildProcess =>
    spawn('/bin/sh', ['-c', line], { cwd: folder, detached: true, stdio: 'ignore' });
  const child = cgroup?.startInside(start) ?? start();
  await once(child, 'exit');
  return child;
};
const runEscape = async (jobId: string): Promise<{ pid: number; cgroup: string | undefined }> => {
  const cgroup = cgroups.of(jobId);
  await run(cgroup, ESCAPE);
  const path = join(folder, 'escaped');
  const pid = await eventually(
    () => Number(existsSync(path) && readFileSync(path, 'utf8').trim()) || undefined,
  );
  escaped.push(pid);
  rmSync(path);
  return { pid, cgroup: cgroup?.folder };
};

describe('where cgroups can be made, and where they cannot', () => {
  test('a command is in one of its own from its first moment, as whatever user, and we are not', async () => {
    const user = await findUser(process.getuid?.() === 0 ? 'daemon' : userInfo().username);
    let output = '';
    const started = await JobProcess.start({
      shell: { line: 'cat /proc/self/cgroup', parameters: [] },
      user: user.ok ? user.value : undefined,
      dir: undefined,
      env: {},
      marks: [],
      cgroup: cgroups.of('job'),
      capture: true,
      onOutput: (_, data) => (output += data.toString()),
      keepBytes: 10_000,
    });
    if (!started.ok) throw new Error(started.error);
    expect(await started.value.ended).toMatchObject({ exitCode: 0 });
    const own = OWN === '/' ? '' : OWN;
    expect(/^0::(.*)$/m.exec(output)?.[1]).toMatch(
      HAS_CGROUPS ? new RegExp(`^${own}/push-job-job-[0-9a-f]{12}$`) : OWN!,
    );
    expect(cgroupOf('self')).toBe(OWN);
  });

  test('what cleared its variables and lost group and parents is found by it, and killed', async () => {
    const { pid, cgroup } = await runEscape('job');
    const family = { leader: undefined, marks: ['CHEF_PUSH_JOB_ID=job'], cgroup };
    expect(findFamily(family).some((entry) => entry.pid === pid)).toBe(HAS_CGROUPS);
    expect(await endFamily(family, 100)).toBe(true);
    expect(readProcess(pid) === undefined).toBe(HAS_CGROUPS);
  });

  test('one is killed as a whole, where the kernel does that', async () => {
    const { pid, cgroup = folder } = await runEscape('job');
    const isWhole = existsSync(join(cgroup, 'cgroup.kill'));
    killCgroup(cgroup);
    if (isWhole)
      await eventually(() => readProcess(pid) === undefined && processesInCgroup(cgroup).length === 0);
    else expect(readProcess(pid)).toBeDefined();
  });

  test('what another job has left running is not touched', async () => {
    const left = await runEscape('other');
    const { cgroup } = await runEscape('job');
    expect(await endFamily({ leader: undefined, marks: ['CHEF_PUSH_JOB_ID=job'], cgroup }, 0)).toBe(true);
    expect(readProcess(left.pid)).toBeDefined();
  });

  test('one is removed when nothing runs in it any more, and not before', async () => {
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

  test('those that a command made within its own count as its own', async () => {
    const cgroup = cgroups.of('job');
    const below = `${cgroup?.folder ?? folder}/a/b`;
    await run(cgroup, `mkdir -p ${below} && echo $$ > ${below}/cgroup.procs; ${ESCAPE}`);
    const pid = await eventually(
      () => Number(existsSync(join(folder, 'escaped')) && readFileSync(join(folder, 'escaped'))) || undefined,
    );
    escaped.push(pid);
    expect(processesInCgroup(cgroup?.folder ?? folder).includes(pid)).toBe(HAS_CGROUPS);
  });

  test('we ourselves are spared, though a job’s cgroup holds us too', async () => {
    const { pid, cgroup } = await runEscape('job');
    const move = (to: string): void => {
      if (HAS_CGROUPS) writeFileSync(`${to}/cgroup.procs`, '0');
    };
    move(cgroup!);
    try {
      await endFamily({ leader: undefined, marks: ['CHEF_PUSH_JOB_ID=job'], cgroup }, 0);
      // A client that a job has started makes its cgroups beside that job's.
      expect(openCgroups(folder).of('next')?.folder).toBe(cgroups.of('next')?.folder);
    } finally {
      move(`${cgroup!}/..`);
    }
    expect(readProcess(pid) === undefined).toBe(HAS_CGROUPS);
  });
});

describe('without them', () => {
  test('a job has none where the system has none, and one line of the log says so', () => {
    lines = [];
    expect(openCgroups('x', [join(folder, 'none')]).of('job')).toBeUndefined();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('jobs get no cgroups of their own');
  });

  test('nor where ours cannot be written', () => {
    writeFileSync(join(folder, 'cgroup.controllers'), '');
    expect(openCgroups('x', [folder]).of('job')).toBeUndefined();
    expect(lines.join()).toContain('no such file or directory');
  });

  test('a command that cannot be put into one runs all the same', async () => {
    const own = join(folder, OWN ?? '');
    mkdirSync(own, { recursive: true });
    writeFileSync(join(folder, 'cgroup.controllers'), '');
    writeFileSync(join(own, 'cgroup.procs'), '');
    const { exitCode } = await run(openCgroups('x', [folder]).of('job'), 'exit 7');
    expect(exitCode).toBe(7);
    expect(lines.join()).toContain('the job gets no cgroup of its own');
  });

  test('nor is one entered that is there already: somebody may have frozen it', async () => {
    const cgroup = cgroups.of('job');
    if (HAS_CGROUPS) mkdirSync(cgroup!.folder);
    const { exitCode } = await run(cgroup, `cat /proc/self/cgroup > seen; exit 7`);
    expect(exitCode).toBe(7);
    expect(/^0::(.*)$/m.exec(readFileSync(join(folder, 'seen'), 'utf8'))?.[1]).toBe(OWN);
  });

  test('a job whose id can be no folder’s name has none', () => {
    expect(cgroups.of('../../etc')).toBeUndefined();
  });
});
