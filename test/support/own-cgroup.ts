import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** The cgroup (of version 2) of a process, as the kernel names it; undefined where the system has none. */
export const cgroupOf = (pid: number | 'self'): string | undefined =>
  existsSync(`/proc/${pid}/cgroup`)
    ? /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1]
    : undefined;

/** Finds out by trying it: a shell makes a cgroup in ours, goes in and out, and removes it. */
const TRY = `set -e
root=/sys/fs/cgroup
[ -e $root/cgroup.controllers ] || root=$root/unified
own=$root$1
mkdir "$own/try-$$"
echo $$ > "$own/try-$$/cgroup.procs"
echo $$ > "$own/cgroup.procs"
rmdir "$own/try-$$"`;

/** Whether processes on this machine can be put into a cgroup of their own by us. */
export const canMakeCgroups = (): boolean => {
  const own = cgroupOf('self');
  return own !== undefined && spawnSync('sh', ['-c', TRY, 'sh', own]).status === 0;
};
