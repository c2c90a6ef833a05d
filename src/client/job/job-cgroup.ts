import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { messageOf } from '../../shared/lib/app-error.js';

/** Where Linux mounts cgroups of version 2: alone, or beside those of version 1. */
const ROOTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'];

const PREFIX = 'push-job-';

/** Ids that are safe in folder names; servers create no others. */
const JOB_ID = /^[\w-]{1,100}$/;

/**
 * The cgroups of this client's jobs, below the client's own cgroup. Jobs run without one if the system has no cgroups
 * of version 2 or does not let this client create any.
 */
export class JobCgroups {
  private constructor(
    private readonly parent: string | undefined,
    private readonly suffix: string,
    private readonly roots: readonly string[],
    private readonly log: Logger,
  ) {}

  /**
   * Checks whether and where this client can create cgroups. `owner` distinguishes this client from others in the same
   * cgroup; `roots` are the possible mount points.
   */
  static open(owner: string, log: Logger, roots: readonly string[] = ROOTS): JobCgroups {
    const suffix = `-${createHash('sha256').update(owner).digest('hex').slice(0, 12)}`;
    const parent = parentOfJobCgroups(ownCgroup(roots));
    const fault = parent === undefined ? 'there are no cgroups of version 2' : findWriteFault(parent);
    if (fault !== undefined) log.debug({ reason: fault }, 'jobs get no cgroups of their own');
    return new JobCgroups(fault === undefined ? parent : undefined, suffix, roots, log);
  }

  /**
   * Returns the cgroup of a job; undefined if cgroups are unavailable. It is created when a process is started in it.
   */
  forJob(jobId: string): JobCgroup | undefined {
    if (this.parent === undefined || !JOB_ID.test(jobId)) return undefined;
    return new JobCgroup(join(this.parent, `${PREFIX}${jobId}${this.suffix}`), this.roots, this.log);
  }

  /** Removes empty cgroups of ended jobs: processes that a job left running on purpose may have ended since. */
  sweep(): void {
    if (this.parent === undefined) return;
    for (const folder of foldersIn(this.parent)) {
      const name = basename(folder);
      if (name.startsWith(PREFIX) && name.endsWith(this.suffix)) removeCgroup(folder);
    }
  }
}

/**
 * The cgroup of one job. All processes of the command are in it; only a process that may write to cgroups can leave.
 */
export class JobCgroup {
  constructor(
    readonly folder: string,
    private readonly roots: readonly string[],
    private readonly log: Logger,
  ) {}

  /**
   * Calls `start`, which spawns a process in the cgroup. The client itself enters the cgroup during the call, so that
   * the process is in it from its first moment, before it changes program or user. If the client cannot enter, it calls
   * `start` outside.
   */
  startInside<T>(start: () => T): T {
    const own = ownCgroup(this.roots);
    if (own === undefined || !this.enter()) return start();
    try {
      return start();
    } finally {
      this.returnTo(own);
    }
  }

  private enter(): boolean {
    try {
      mkdirSync(this.folder); // throws if it exists: such a cgroup is not ours and may be frozen
      moveSelf(this.folder);
      return true;
    } catch (thrown) {
      this.log.debug({ reason: messageOf(thrown) }, 'the job gets no cgroup of its own');
      return false;
    }
  }

  private returnTo(own: string): void {
    try {
      moveSelf(own);
    } catch (thrown) {
      this.log.error(
        { err: thrown },
        `the client stays in the cgroup of a job, because it cannot return to ${own}`,
      );
    }
  }
}

/** Returns the ids of the processes in a cgroup and in those below; empty if the cgroup does not exist. */
export const processesInCgroup = (folder: string): number[] => [
  ...pidsIn(folder),
  ...foldersIn(folder).flatMap(processesInCgroup),
];

/** Kills all processes in a cgroup and below at once, if the kernel supports that; otherwise does nothing. */
export const killCgroup = (folder: string): void => {
  try {
    writeFileSync(join(folder, 'cgroup.kill'), '1', { flag: 'r+' });
  } catch {
    return; // an older kernel, or the cgroup is gone: the caller kills the remaining processes one by one
  }
};

/** Removes a cgroup and those below it if no process is in them. Returns whether the cgroup is gone. */
export const removeCgroup = (folder: string): boolean => {
  try {
    if (existsSync(folder)) {
      if (!readFileSync(join(folder, 'cgroup.events'), 'utf8').includes('populated 0')) return false;
      removeFolders(folder);
    }
    return true;
  } catch {
    return false; // a process started meanwhile; a later sweep removes the cgroup
  }
};

const removeFolders = (folder: string): void => {
  foldersIn(folder).forEach(removeFolders);
  rmdirSync(folder); // the kernel removes the control files in it
};

/** Moves this process with all its threads into a cgroup; 0 stands for the writing process. */
const moveSelf = (folder: string): void => writeFileSync(join(folder, 'cgroup.procs'), '0', { flag: 'r+' });

/** Returns the folder of our own cgroup; undefined if it is not visible. */
const ownCgroup = (roots: readonly string[]): string | undefined => {
  const root = roots.find((path) => existsSync(join(path, 'cgroup.controllers')));
  const path = existsSync('/proc/self/cgroup')
    ? /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
    : undefined;
  if (root === undefined || path === undefined) return undefined;
  return path.split('/').includes('..') ? undefined : join(root, path); // `..` leads out of a container
};

/** A client that a job started creates its cgroups beside the cgroup of that job, not below it. */
const parentOfJobCgroups = (own: string | undefined): string | undefined =>
  own !== undefined && basename(own).startsWith(PREFIX) ? dirname(own) : own;

/** Returns why the client cannot create and enter cgroups below this one; undefined if it can. */
const findWriteFault = (parent: string): string | undefined => {
  try {
    accessSync(parent, constants.W_OK | constants.X_OK);
    accessSync(join(parent, 'cgroup.procs'), constants.W_OK);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
};

const pidsIn = (folder: string): number[] => {
  try {
    const lines = readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n');
    return lines.map(Number).filter((pid) => pid > 0); // 0 is a process that is not visible to us
  } catch {
    return []; // the cgroup is gone, or it is a threaded one, whose processes are listed further up
  }
};

const foldersIn = (folder: string): string[] => {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
  } catch {
    return []; // the cgroup is gone
  }
};
