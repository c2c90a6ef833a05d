import { stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { messageOf } from '../../shared/lib/app-error.js';
import { err, ok, type Result } from '../../shared/lib/result.js';
import { type RunLock, acquireRunLock } from '../../shared/platform/run-lock.js';
import {
  explainRenamed,
  filterJobEnvironment,
  inheritedEnvironment,
  jobIdentityVariables,
  jobMarkers,
  type NamePatterns,
} from '../domain/job-environment.js';
import type { JobAssignment, CommandResult } from '../domain/job-machine.js';
import type { OutputStream } from '../domain/live-output.js';
import { buildShellLine, type ShellLine } from '../domain/shell-line.js';
import { findInWhitelist, type Whitelist, explainNotInWhitelist } from '../domain/whitelist.js';
import { type JobCgroup, type JobCgroups, removeCgroup } from './job-cgroup.js';
import type { JobJournal } from './job-journal.js';
import { decodeJobFile, removeJobFile, writeJobFile } from './job-file.js';
import { JobProcess } from './job-process.js';
import { toUnconfirmedResult } from './kept-results.js';
import { identifyProcess } from './process-tree.js';
import { findUser, isCurrentUser, type SystemUser } from './user-lookup.js';

/** Settings of the job runner. */
export interface JobRunnerOptions {
  readonly nodeName: string;
  readonly fileDir: string;
  readonly allowedVariables: NamePatterns | undefined;
  /** Milliseconds between TERM and KILL. */
  readonly killGraceMs: number;
  /** Maximum bytes of output to keep per channel. */
  readonly outputBytes: number;
}

/** A job that passed all checks. */
interface PreparedJob {
  readonly assignment: JobAssignment;
  /** The variables that the job may set; undefined means no list. */
  readonly allowedVariables: NamePatterns | undefined;
  readonly shell: ShellLine;
  readonly user: SystemUser | undefined;
  readonly file: string | undefined;
  readonly cgroup: JobCgroup | undefined;
  readonly lock: RunLock | undefined;
  wasStarted: boolean;
}

/** Callbacks about the progress of a job. */
export interface JobRunEvents {
  started(): void;
  /** Called with captured output as it comes. */
  output(stream: OutputStream, data: Buffer): void;
  startFailed(reason: string): void;
  /** Whether the result is kept until the server confirms it; asked when the command has ended. */
  isResultKept(): boolean;
  ended(result: CommandResult): Promise<void>;
}

/** Executes the effects of the job machine. It stores prepared and running jobs by id and takes no decisions. */
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

  /** Replaces the whitelist for later jobs. */
  setWhitelist(whitelist: Whitelist): void {
    this.whitelist = whitelist;
  }

  /**
   * Checks whether a job can run, takes its lock, writes its file, and records it in the journal. The error is the
   * reason for declining the job. The prepared job stays until `discard`. See docs/spec/node-client.md, "Voting and
   * running".
   */
  async prepare(assignment: JobAssignment): Promise<Result<void, string>> {
    const match = findInWhitelist(this.whitelist, assignment.command);
    if (match === undefined) return err(explainNotInWhitelist(this.whitelist, assignment.command));
    if (match.fault !== undefined) return err(match.fault);
    const shell = buildShellLine(match);
    if (!shell.ok) return shell;
    if (shell.value.parameters.length > 0 && process.platform === 'win32') {
      return err('on Windows, whitelist entries with regular expressions cannot be run');
    }
    const user = await this.resolveUser(assignment.user);
    if (!user.ok) return user;
    const dirFault = assignment.dir === undefined ? undefined : await findFolderFault(assignment.dir);
    if (dirFault !== undefined) return err(dirFault);
    const lock = match.entry.lock === undefined ? ok(undefined) : await acquireRunLock(match.entry.lock);
    if (!lock.ok) return err(lock.error.reason);
    const file = await this.writeFile(assignment.file, user.value);
    const cgroup = this.cgroups.forJob(assignment.jobId);
    const recorded = file.ok
      ? await this.journal.recordAccepted(assignment.jobId, file.value, cgroup?.folder)
      : file;
    if (!file.ok || !recorded.ok) {
      await lock.value?.release();
      if (file.ok && file.value !== undefined) await removeJobFile(file.value);
      return file.ok ? recorded : file;
    }
    this.prepared.set(assignment.jobId, {
      assignment,
      allowedVariables: match.entry.allowedEnv ?? this.options.allowedVariables,
      shell: shell.value,
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
    return this.prepared.get(jobId)?.assignment.capture === true;
  }

  /** Starts a prepared job. Its lock is released as soon as the command runs, so that the command can take it. */
  async start(jobId: string, events: JobRunEvents): Promise<void> {
    const job = this.prepared.get(jobId);
    if (job === undefined) {
      events.startFailed('nothing was prepared for this job');
      return;
    }
    job.wasStarted = true;
    const { env, renamed } = this.buildEnvironment(job);
    const starting = JobProcess.start({
      shell: job.shell,
      user: job.user,
      dir: job.assignment.dir,
      env,
      markers: jobMarkers({ nodeName: this.options.nodeName, jobId }),
      cgroup: job.cgroup,
      capture: job.assignment.capture,
      onOutput: (stream, data) => events.output(stream, data),
      outputBytes: this.options.outputBytes,
    });
    this.running.set(jobId, starting);
    const started = await starting;
    await job.lock?.release();
    if (!started.ok) events.startFailed(started.error);
    else {
      events.started();
      await this.journal.recordStarted(jobId, identifyProcess(started.value.pid));
      const result = await started.value.ended;
      const reported = renamed === undefined ? result : { ...result, reason: renamed };
      const kept = events.isResultKept() ? toUnconfirmedResult(jobId, reported, Date.now()) : undefined;
      // From now on, processes that the command left running are not ended.
      await this.journal.recordEnded(jobId, true, kept);
      await events.ended(reported);
    }
    this.running.delete(jobId);
  }

  /** Ends the command of a running job with all its processes. */
  async stop(jobId: string): Promise<void> {
    const started = await this.running.get(jobId);
    if (started?.ok === true) await started.value.stop(this.options.killGraceMs);
  }

  /** Removes a job's file and cgroup, releases its lock, and records its end. */
  async discard(jobId: string): Promise<void> {
    const job = this.prepared.get(jobId);
    if (job === undefined) return;
    this.prepared.delete(jobId);
    const recorded = this.journal.recordEnded(jobId, job.wasStarted);
    await job.lock?.release();
    if (job.file !== undefined) await removeJobFile(job.file);
    if (job.cgroup !== undefined) removeCgroup(job.cgroup.folder); // kept if a process was left running
    await recorded;
  }

  /** Returns the user that the job names, if the client may run commands as this user. */
  private async resolveUser(name: string | undefined): Promise<Result<SystemUser | undefined, string>> {
    if (name === undefined) return ok(undefined);
    const user = await findUser(name);
    if (!user.ok || isCurrentUser(user.value) || process.getuid?.() === 0) return user;
    return err(`the client does not run as root, so it cannot run a job as '${name}'`);
  }

  private async writeFile(
    file: string | undefined,
    owner: SystemUser | undefined,
  ): Promise<Result<string | undefined, string>> {
    if (file === undefined) return ok(undefined);
    const content = decodeJobFile(file);
    if (content === undefined) return err("the job's file must begin with 'raw:' or 'base64:'");
    const newOwner = owner === undefined || isCurrentUser(owner) ? undefined : owner;
    return writeJobFile(this.options.fileDir, content, newOwner);
  }

  /** `renamed` tells users which variables of the job its command gets under other names. */
  private buildEnvironment({ assignment, allowedVariables, user, file }: PreparedJob): {
    readonly env: NodeJS.ProcessEnv;
    readonly renamed: string | undefined;
  } {
    const { variables, renamed } = filterJobEnvironment(assignment.env, {
      allowed: allowedVariables,
      ignoresCase: process.platform === 'win32',
    });
    const explanation = explainRenamed(renamed);
    if (explanation !== undefined)
      this.log.warn({ job: assignment.jobId, count: renamed.length }, explanation);
    const account = user === undefined ? {} : { HOME: user.home, USER: user.name, LOGNAME: user.name };
    const env = {
      ...inheritedEnvironment(process.env),
      ...account,
      ...variables,
      ...jobIdentityVariables({ nodeName: this.options.nodeName, jobId: assignment.jobId, file }),
    };
    return { env, renamed: explanation };
  }
}

const findFolderFault = async (dir: string): Promise<string | undefined> => {
  try {
    return (await stat(dir)).isDirectory() ? undefined : `'${dir}' is not a folder`;
  } catch (thrown) {
    return `cannot run in '${dir}': ${messageOf(thrown)}`;
  }
};
