import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** Returns the cgroup (version 2) of a process, as the kernel names it; undefined if the system has none. */
export const cgroupOf = (pid: number | 'self'): string | undefined =>
  existsSync(`/proc/${pid}/cgroup`)
    ? /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1]
    : undefined;

/** Creates a cgroup below ours, moves the shell into it and back, and removes it. */
const CREATE_CGROUP = `set -e
root=/sys/fs/cgroup
[ -e $root/cgroup.controllers ] || root=$root/unified
own=$root$1
mkdir "$own/try-$$"
echo $$ > "$own/try-$$/cgroup.procs"
echo $$ > "$own/cgroup.procs"
rmdir "$own/try-$$"`;

/** Whether this process may create cgroups and move processes into them. */
export const canMakeCgroups = (): boolean => {
  const own = cgroupOf('self');
  return own !== undefined && spawnSync('sh', ['-c', CREATE_CGROUP, 'sh', own]).status === 0;
};
