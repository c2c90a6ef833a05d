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

/** Where Linux has its cgroups of version 2: alone, or beside those of version 1. */
const ROOTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'];

const PREFIX = 'push-job-';

/** Other ids, which no server gives, are no names of folders. */
const JOB_ID = /^[\w-]{1,100}$/;

/**
 * The cgroups of the jobs of one client, below its own cgroup. There are none where the system has no cgroups of
 * version 2 or does not let this client make any; the jobs run all the same.
 */
export class JobCgroups {
  private constructor(
    private readonly home: string | undefined,
    private readonly suffix: string,
    private readonly roots: readonly string[],
    private readonly log: Logger,
  ) {}

  /**
   * Looks where cgroups may be made. `owner` tells this client from others of the machine, which may be in the same
   * cgroup; `roots` are the folders that may be the root of all cgroups.
   */
  static open(owner: string, log: Logger, roots: readonly string[] = ROOTS): JobCgroups {
    const suffix = `-${createHash('sha256').update(owner).digest('hex').slice(0, 12)}`;
    const home = homeOf(ownCgroup(roots));
    const fault = home === undefined ? 'there are no cgroups of version 2' : writeFault(home);
    if (fault !== undefined) log.debug({ reason: fault }, 'jobs get no cgroups of their own');
    return new JobCgroups(fault === undefined ? home : undefined, suffix, roots, log);
  }

  /** The cgroup that a job's command is to be started in; it is made when that is done. */
  of(jobId: string): JobCgroup | undefined {
    if (this.home === undefined || !JOB_ID.test(jobId)) return undefined;
    return new JobCgroup(join(this.home, `${PREFIX}${jobId}${this.suffix}`), this.roots, this.log);
  }

  /** Removes those that nothing runs in any more: what jobs have left running on purpose may have ended. */
  sweep(): void {
    if (this.home === undefined) return;
    for (const folder of foldersIn(this.home)) {
      const name = basename(folder);
      if (name.startsWith(PREFIX) && name.endsWith(this.suffix)) removeCgroup(folder);
    }
  }
}

/** The cgroup of one job's command. All that the command starts is in it; only what may write to cgroups can leave. */
export class JobCgroup {
  constructor(
    readonly folder: string,
    private readonly roots: readonly string[],
    private readonly log: Logger,
  ) {}

  /**
   * Calls `start`, which starts a process: it is in the cgroup from its first moment, before it is another program or
   * another user. For that this client itself goes in, for the time of the call. Where it cannot, `start` is called as it is.
   */
  startInside<T>(start: () => T): T {
    const own = ownCgroup(this.roots);
    if (own === undefined || !this.enter()) return start();
    try {
      return start();
    } finally {
      this.goBackTo(own);
    }
  }

  private enter(): boolean {
    try {
      mkdirSync(this.folder); // one that is there already is not ours, and may be frozen
      moveOurselves(this.folder);
      return true;
    } catch (thrown) {
      this.log.debug({ reason: messageOf(thrown) }, 'the job gets no cgroup of its own');
      return false;
    }
  }

  private goBackTo(own: string): void {
    try {
      moveOurselves(own);
    } catch (thrown) {
      this.log.error(
        { err: thrown },
        `the client stays in the cgroup of a job, as it cannot go back to ${own}`,
      );
    }
  }
}

/** The numbers of the processes in a cgroup and in those below; none where there is no such cgroup. */
export const processesInCgroup = (folder: string): number[] => [
  ...pidsIn(folder),
  ...foldersIn(folder).flatMap(processesInCgroup),
];

/** Kills at once all that runs in a cgroup and below, where the system can do that; otherwise nothing is done. */
export const killCgroup = (folder: string): void => {
  try {
    writeFileSync(join(folder, 'cgroup.kill'), '1', { flag: 'r+' });
  } catch {
    return; // an older kernel, or the cgroup is gone: whoever is left is killed by number
  }
};

/** Removes a cgroup, and those below it, if nothing runs there; returns whether it is gone. */
export const removeCgroup = (folder: string): boolean => {
  try {
    if (existsSync(folder)) {
      if (!readFileSync(join(folder, 'cgroup.events'), 'utf8').includes('populated 0')) return false;
      removeFolders(folder);
    }
    return true;
  } catch {
    return false; // something came up meanwhile; it is swept later
  }
};

const removeFolders = (folder: string): void => {
  foldersIn(folder).forEach(removeFolders);
  rmdirSync(folder); // what looks like files in it goes with it
};

/** 0 stands for who writes it: with all its threads, this process. */
const moveOurselves = (folder: string): void =>
  writeFileSync(join(folder, 'cgroup.procs'), '0', { flag: 'r+' });

/** The folder of the cgroup that we are in; undefined where it cannot be seen. */
const ownCgroup = (roots: readonly string[]): string | undefined => {
  const root = roots.find((path) => existsSync(join(path, 'cgroup.controllers')));
  const path = existsSync('/proc/self/cgroup')
    ? /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
    : undefined;
  if (root === undefined || path === undefined) return undefined;
  return path.split('/').includes('..') ? undefined : join(root, path); // `..` leads out of what a container sees
};

/** A client that a job has started makes cgroups beside that job's, not below it. */
const homeOf = (own: string | undefined): string | undefined =>
  own !== undefined && basename(own).startsWith(PREFIX) ? dirname(own) : own;

/** Why no cgroups can be made below this one and entered. */
const writeFault = (home: string): string | undefined => {
  try {
    accessSync(home, constants.W_OK | constants.X_OK);
    accessSync(join(home, 'cgroup.procs'), constants.W_OK);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
};

const pidsIn = (folder: string): number[] => {
  try {
    const lines = readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n');
    return lines.map(Number).filter((pid) => pid > 0); // 0 is one that we cannot see
  } catch {
    return []; // gone while we looked, or of threads, whose processes stand further up
  }
};

const foldersIn = (folder: string): string[] => {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
  } catch {
    return []; // gone while we looked
  }
};
