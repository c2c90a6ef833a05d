import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../shared/lib/app-error.js';
import { err, ok, type Result } from '../../shared/lib/result.js';
import { writeDurably } from '../../shared/platform/durable-file.js';

/** A job that this node voted for and that has not ended. */
const currentJobSchema = z.object({
  job_id: z.string(),
  /** Path of the file that came with it. */
  file: z.string().optional(),
  /** Folder of the cgroup that its command is started in. */
  cgroup: z.string().optional(),
  /** The command, from when it was started. */
  process: z.object({ pid: z.number(), startTime: z.string(), bootId: z.string() }).optional(),
});

const journalSchema = z.object({
  format: z.literal(1),
  /** Jobs that were started here, or may have been; the latest last. */
  jobs: z.array(z.string()),
  current: currentJobSchema.nullable(),
});

export type CurrentJob = z.infer<typeof currentJobSchema>;
type Journal = z.infer<typeof journalSchema>;

/** How many jobs are remembered; older repetitions fall to the clock check of messages. */
const REMEMBERED_JOBS = 1000;

const EMPTY: Journal = { format: 1, jobs: [], current: null };

/**
 * The jobs of this node on the disk, so that a client that was killed knows what it had been running when it is started
 * again. A job stands here before this node votes for it: a node that cannot write does not run anything.
 */
export class JobJournal {
  private lastWrite: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly path: string,
    private content: Journal,
    private readonly onFault: (thrown: unknown) => void,
  ) {}

  /**
   * Opens the journal at this path; a folder that is missing is made. What cannot be read is put aside and `onFault`
   * is told, as of every write that fails where that can be made up for later. Rejects where the folder cannot be made.
   */
  static async open(path: string, onFault: (thrown: unknown) => void): Promise<JobJournal> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const text = await readIfThere(path);
    if (text === undefined) return new JobJournal(path, EMPTY, onFault);
    try {
      return new JobJournal(path, journalSchema.parse(JSON.parse(text)), onFault);
    } catch (thrown) {
      onFault(new Error(`${path} cannot be read; it is put aside as ${path}.broken`, { cause: thrown }));
      await rename(path, `${path}.broken`);
      return new JobJournal(path, EMPTY, onFault);
    }
  }

  /** The jobs that were started here, or may have been; the latest last. */
  get jobs(): readonly string[] {
    return this.content.jobs;
  }

  /** The job that had not ended when the journal was last written. */
  get unfinished(): CurrentJob | undefined {
    return this.content.current ?? undefined;
  }

  /** Notes a job that may be started from now on; the error, a reason for a person, says why that cannot be noted. */
  async accept(jobId: string, file: string | undefined, cgroup?: string): Promise<Result<void, string>> {
    const before = this.content;
    const jobs = [...before.jobs.filter((id) => id !== jobId).slice(1 - REMEMBERED_JOBS), jobId];
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
      return err(`cannot note the job in ${this.path}: ${messageOf(thrown)}`);
    }
  }

  /** Notes the process of the job's command. */
  async started(jobId: string, process: CurrentJob['process']): Promise<void> {
    const { current } = this.content;
    if (current?.job_id !== jobId || process === undefined) return;
    await this.tryToWrite({ ...this.content, current: { ...current, process } });
  }

  /** Notes that a job is over; where it was never started, it is forgotten. */
  async finish(jobId: string, wasStarted: boolean): Promise<void> {
    if (this.content.current?.job_id !== jobId) return;
    const jobs = wasStarted ? this.content.jobs : this.content.jobs.filter((id) => id !== jobId);
    await this.tryToWrite({ format: 1, jobs, current: null });
  }

  /** What fails here is written with the next change: the content in memory is what counts. */
  private async tryToWrite(content: Journal): Promise<void> {
    await this.write(content).catch((thrown: unknown) => this.onFault(thrown));
  }

  private write(content: Journal): Promise<void> {
    this.content = content;
    const before = this.lastWrite;
    const written = before.then(() => writeDurably(this.path, `${JSON.stringify(content)}\n`, 0o600));
    this.lastWrite = Promise.allSettled([written]);
    return written;
  }
}

const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw thrown;
  }
};
