import { stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { messageOf } from '../../shared/lib/app-error.js';
import { err, ok, type Result } from '../../shared/lib/result.js';
import { type RunLock, takeRunLock } from '../../shared/platform/run-lock.js';
import {
  filterJobEnvironment,
  inheritedEnvironment,
  jobFactVariables,
  jobMarks,
  RENAMED_PREFIX,
} from '../domain/job-environment.js';
import type { JobOrder, JobOutcome } from '../domain/job-machine.js';
import type { OutputStream } from '../domain/live-output.js';
import { buildShellLine, type ShellLine } from '../domain/shell-line.js';
import { findInWhitelist, type Whitelist, whyNotInWhitelist } from '../domain/whitelist.js';
import { type JobCgroup, type JobCgroups, removeCgroup } from './job-cgroup.js';
import type { JobJournal } from './job-journal.js';
import { decodeJobFile, removeJobFile, writeJobFile } from './job-file.js';
import { JobProcess } from './job-process.js';
import { describeProcess } from './process-family.js';
import { findUser, isOurselves, type SystemUser } from './user-lookup.js';

/** So many of a job's variables are named in a line of the log at the most. */
const NAMES_TOLD = 20;

/** How jobs are run on this node. */
export interface JobRunnerOptions {
  readonly nodeName: string;
  readonly fileDir: string;
  readonly allowedVariables: readonly string[] | undefined;
  /** Milliseconds between TERM and KILL. */
  readonly killGraceMs: number;
  /** Bytes of each output channel that are kept. */
  readonly keepBytes: number;
}

/** What was made ready for a job. */
interface PreparedJob {
  readonly order: JobOrder;
  readonly shell: ShellLine;
  readonly user: SystemUser | undefined;
  readonly file: string | undefined;
  readonly cgroup: JobCgroup | undefined;
  readonly lock: RunLock | undefined;
  wasStarted: boolean;
}

/** Told how a started job goes on. */
export interface JobRunEvents {
  started(): void;
  /** Captured output as it comes. */
  output(stream: OutputStream, data: Buffer): void;
  notStarted(reason: string): void;
  ended(outcome: JobOutcome): Promise<void>;
}

/** Does what the job machine asks for. It holds what was prepared and what runs, by job id; it decides nothing. */
export class JobRunner {
  private readonly prepared = new Map<string, PreparedJob>();
  private readonly running = new Map<string, Promise<Result<JobProcess, string>>>();

  constructor(
    private readonly options: JobRunnerOptions,
    private whitelist: Whitelist,
    private readonly journal: JobJournal,
    private readonly cgroups: JobCgroups,
    private readonly log: Logger,
  ) {}

  /** From now on these names may be run. */
  setWhitelist(whitelist: Whitelist): void {
    this.whitelist = whitelist;
  }

  /**
   * Checks whether a job can run here, takes its lock, writes its file and notes it in the journal. The error is the
   * reason why not. What is prepared stays until `discard`.
   */
  async prepare(order: JobOrder): Promise<Result<void, string>> {
    const match = findInWhitelist(this.whitelist, order.command);
    if (match === undefined) return err(whyNotInWhitelist(this.whitelist, order.command));
    const shell = buildShellLine(match);
    if (shell.parameters.length > 0 && process.platform === 'win32') {
      return err('on Windows only whitelist names that are no regular expressions can be run');
    }
    const user = await this.switchTo(order.user);
    if (!user.ok) return user;
    const dirFault = order.dir === undefined ? undefined : await directoryFault(order.dir);
    if (dirFault !== undefined) return err(dirFault);
    const lock = match.entry.lock === undefined ? ok(undefined) : await takeRunLock(match.entry.lock);
    if (!lock.ok) return err(lock.error.reason);
    const file = await this.writeFile(order.file, user.value);
    const cgroup = this.cgroups.of(order.jobId);
    const noted = file.ok ? await this.journal.accept(order.jobId, file.value, cgroup?.folder) : file;
    if (!file.ok || !noted.ok) {
      await lock.value?.release();
      if (file.ok && file.value !== undefined) await removeJobFile(file.value);
      return file.ok ? noted : file;
    }
    this.prepared.set(order.jobId, {
      order,
      shell,
      user: user.value,
      file: file.value,
      cgroup,
      lock: lock.value,
      wasStarted: false,
    });
    return ok(undefined);
  }

  /** Whether the output of a prepared job is captured. */
  captures(jobId: string): boolean {
    return this.prepared.get(jobId)?.order.capture === true;
  }

  /** Starts a prepared job; its lock is free as soon as the command runs. */
  async start(jobId: string, events: JobRunEvents): Promise<void> {
    const job = this.prepared.get(jobId);
    if (job === undefined) {
      events.notStarted('nothing was prepared for this job');
      return;
    }
    job.wasStarted = true;
    const starting = JobProcess.start({
      shell: job.shell,
      user: job.user,
      dir: job.order.dir,
      env: this.environmentOf(job),
      marks: jobMarks({ nodeName: this.options.nodeName, jobId }),
      cgroup: job.cgroup,
      capture: job.order.capture,
      onOutput: (stream, data) => events.output(stream, data),
      keepBytes: this.options.keepBytes,
    });
    this.running.set(jobId, starting);
    const started = await starting;
    await job.lock?.release();
    if (!started.ok) events.notStarted(started.error);
    else {
      events.started();
      await this.journal.started(jobId, describeProcess(started.value.pid));
      const outcome = await started.value.ended;
      await this.journal.finish(jobId, true); // from now on what the command has left running is its own business
      await events.ended(outcome);
    }
    this.running.delete(jobId);
  }

  /** Ends a running job's command and all that it started. */
  async stop(jobId: string): Promise<void> {
    const started = await this.running.get(jobId);
    if (started?.ok === true) await started.value.stop(this.options.killGraceMs);
  }

  /** Removes a job's file and its cgroup, releases its lock and notes that it is over. */
  async discard(jobId: string): Promise<void> {
    const job = this.prepared.get(jobId);
    if (job === undefined) return;
    this.prepared.delete(jobId);
    const noted = this.journal.finish(jobId, job.wasStarted);
    await job.lock?.release();
    if (job.file !== undefined) await removeJobFile(job.file);
    if (job.cgroup !== undefined) removeCgroup(job.cgroup.folder); // unless something was left running
    await noted;
  }

  /** The user that a job asks for; another than ours where we may change to it. */
  private async switchTo(name: string | undefined): Promise<Result<SystemUser | undefined, string>> {
    if (name === undefined) return ok(undefined);
    const user = await findUser(name);
    if (!user.ok || isOurselves(user.value) || process.getuid?.() === 0) return user;
    return err(`the client does not run as root, so it cannot run a job as '${name}'`);
  }

  private async writeFile(
    file: string | undefined,
    owner: SystemUser | undefined,
  ): Promise<Result<string | undefined, string>> {
    if (file === undefined) return ok(undefined);
    const content = decodeJobFile(file);
    if (content === undefined) return err("the job's file begins neither with 'raw:' nor with 'base64:'");
    const other = owner === undefined || isOurselves(owner) ? undefined : owner;
    return writeJobFile(this.options.fileDir, content, other);
  }

  private environmentOf({ order, user, file }: PreparedJob): NodeJS.ProcessEnv {
    const { variables, renamed } = filterJobEnvironment(order.env, {
      allowed: this.options.allowedVariables,
      ignoresCase: process.platform === 'win32',
    });
    if (renamed.length > 0) {
      const text = `variables of the job reach its command as ${RENAMED_PREFIX}NAME: their own names are not its to set`;
      this.log.warn({ job: order.jobId, names: renamed.slice(0, NAMES_TOLD), count: renamed.length }, text);
    }
    const account = user === undefined ? {} : { HOME: user.home, USER: user.name, LOGNAME: user.name };
    return {
      ...inheritedEnvironment(process.env),
      ...account,
      ...variables,
      ...jobFactVariables({ nodeName: this.options.nodeName, jobId: order.jobId, file }),
    };
  }
}

const directoryFault = async (dir: string): Promise<string | undefined> => {
  try {
    return (await stat(dir)).isDirectory() ? undefined : `'${dir}' is not a folder`;
  } catch (thrown) {
    return `cannot run in '${dir}': ${messageOf(thrown)}`;
  }
};
