import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { errorCode, messageOf } from '../../shared/lib/app-error.js';
import { err, ok, type Result } from '../../shared/lib/result.js';
import { writeFileAtomically } from '../../shared/platform/atomic-file.js';

/** A job that this node accepted and that has not ended. */
const currentJobSchema = z.object({
  job_id: z.string(),
  /** Path of the job's file. */
  file: z.string().optional(),
  /** Folder of the job's cgroup. */
  cgroup: z.string().optional(),
  /** The process of the command, as soon as it was started. */
  process: z.object({ pid: z.number(), startTime: z.string(), bootId: z.string() }).optional(),
});

const journalSchema = z.object({
  format: z.literal(1),
  /** Ids of jobs that were or may have been started on this node, newest last. */
  jobs: z.array(z.string()),
  current: currentJobSchema.nullable(),
});

export type CurrentJob = z.infer<typeof currentJobSchema>;
type Journal = z.infer<typeof journalSchema>;

/** Maximum number of remembered jobs. Replays of older jobs fail the timestamp check of messages. */
const MAX_STARTED_JOBS = 1000;

const EMPTY: Journal = { format: 1, jobs: [], current: null };

/**
 * The jobs of this node in a file, so that a client that was killed knows at its next start what it was running. A job
 * is written before the node votes yes; a node that cannot write declines the job. See docs/spec/node-client.md,
 * "Restart of the client".
 */
export class JobJournal {
  private lastWrite: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly path: string,
    private content: Journal,
    private readonly onFault: (thrown: unknown) => void,
  ) {}

  /**
   * Opens the journal at this path and creates its folder if it is missing. An invalid file is renamed and reported to
   * `onFault`, and so is a failed write that a later write will make up for. Rejects if the folder cannot be created.
   */
  static async open(path: string, onFault: (thrown: unknown) => void): Promise<JobJournal> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const text = await readIfExists(path);
    if (text === undefined) return new JobJournal(path, EMPTY, onFault);
    try {
      return new JobJournal(path, journalSchema.parse(JSON.parse(text)), onFault);
    } catch (thrown) {
      onFault(new Error(`cannot read ${path}; renamed it to ${path}.broken`, { cause: thrown }));
      await rename(path, `${path}.broken`);
      return new JobJournal(path, EMPTY, onFault);
    }
  }

  /** Ids of jobs that were or may have been started on this node, newest last. */
  get startedJobs(): readonly string[] {
    return this.content.jobs;
  }

  /** The job that had not ended when the journal was last written. */
  get unfinished(): CurrentJob | undefined {
    return this.content.current ?? undefined;
  }

  /** Records a job that may be started from now on. The error says why the journal cannot be written. */
  async recordAccepted(
    jobId: string,
    file: string | undefined,
    cgroup?: string,
  ): Promise<Result<void, string>> {
    const before = this.content;
    const jobs = [...before.jobs.filter((id) => id !== jobId).slice(1 - MAX_STARTED_JOBS), jobId];
    const current = {
      job_id: jobId,
      ...(file === undefined ? {} : { file }),
      ...(cgroup === undefined ? {} : { cgroup }),
    };
    const after: Journal = { format: 1, jobs, current };
    try {
      await this.write(after);
      return ok(undefined);
    } catch (thrown) {
      if (this.content === after) this.content = before;
      return err(`cannot write the job journal ${this.path}: ${messageOf(thrown)}`);
    }
  }

  /** Records the process of the job's command. */
  async recordStarted(jobId: string, process: CurrentJob['process']): Promise<void> {
    const { current } = this.content;
    if (current?.job_id !== jobId || process === undefined) return;
    await this.tryToWrite({ ...this.content, current: { ...current, process } });
  }

  /** Records the end of a job. A job that was never started is forgotten, so that it can come again. */
  async recordEnded(jobId: string, wasStarted: boolean): Promise<void> {
    if (this.content.current?.job_id !== jobId) return;
    const jobs = wasStarted ? this.content.jobs : this.content.jobs.filter((id) => id !== jobId);
    await this.tryToWrite({ format: 1, jobs, current: null });
  }

  /** Reports a failed write and goes on: the next write includes this change. */
  private async tryToWrite(content: Journal): Promise<void> {
    await this.write(content).catch((thrown: unknown) => this.onFault(thrown));
  }

  private write(content: Journal): Promise<void> {
    this.content = content;
    const before = this.lastWrite;
    const written = before.then(() =>
      writeFileAtomically(this.path, `${JSON.stringify(content)}\n`, { mode: 0o600 }),
    );
    this.lastWrite = Promise.allSettled([written]);
    return written;
  }
}

const readIfExists = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
};
