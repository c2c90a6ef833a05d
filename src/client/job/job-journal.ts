import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { errorCode, messageOf } from '../../shared/lib/app-error.js';
import { err, ok, type Result } from '../../shared/lib/result.js';
import { writeFileAtomically } from '../../shared/platform/atomic-file.js';

/** A job that this node accepted and that has not ended. */
const unfinishedJobSchema = z.object({
  job_id: z.string(),
  /** Path of the job's file. */
  file: z.string().optional(),
  /** Folder of the job's cgroup. */
  cgroup: z.string().optional(),
  /** The process of the command, as soon as it was started. */
  process: z.object({ pid: z.number(), startTime: z.string(), bootId: z.string() }).optional(),
});

/** The result of a command that the server has not confirmed. Output is base64. */
const unconfirmedResultSchema = z.object({
  job_id: z.string(),
  exit_code: z.number().nullable(),
  signal: z.string().nullable(),
  duration_ms: z.number(),
  /** What the result says besides, for example which variables were renamed. */
  reason: z.string().optional(),
  /** Milliseconds since 1970. */
  ended_at: z.number(),
  output: z
    .object({
      stdout: z.base64(),
      stderr: z.base64(),
      dropped_bytes: z.object({ stdout: z.number(), stderr: z.number() }),
    })
    .optional(),
});

/** Version 1.0.0 knows `format`, `jobs` and `current`. */
const journalSchema = z.object({
  format: z.literal(1),
  /** Ids of jobs that were or may have been started on this node, newest last. */
  jobs: z.array(z.string()),
  /** The oldest unfinished job. */
  current: unfinishedJobSchema.nullable(),
  /** The other unfinished jobs: a job can be aborted while it is still being prepared, and another one can come. */
  others: z.array(unfinishedJobSchema).optional(),
  /** Oldest first. */
  results: z.array(unconfirmedResultSchema).optional(),
});

export type UnfinishedJob = z.infer<typeof unfinishedJobSchema>;
export type UnconfirmedResult = z.infer<typeof unconfirmedResultSchema>;

/** The journal in memory. */
interface Journal {
  readonly jobs: readonly string[];
  readonly unfinished: readonly UnfinishedJob[];
  readonly results: readonly UnconfirmedResult[];
}

/** Maximum number of remembered jobs. Replays of older jobs fail the timestamp check of messages. */
const MAX_STARTED_JOBS = 1000;

const EMPTY: Journal = { jobs: [], unfinished: [], results: [] };

/**
 * The jobs of this node in a file, so that a client that was killed knows at its next start what it was running, and
 * which results the server has not confirmed. A job is written before the node votes yes; a node that cannot write
 * declines the job. See docs/spec/node-client.md, "Restart of the client".
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
   * Only one process may have it open: the caller holds the lock of the node.
   */
  static async open(path: string, onFault: (thrown: unknown) => void): Promise<JobJournal> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const text = await readIfExists(path);
    if (text === undefined) return new JobJournal(path, EMPTY, onFault);
    try {
      return new JobJournal(path, parseJournal(text), onFault);
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

  /** The jobs that have not ended, oldest first. */
  get unfinished(): readonly UnfinishedJob[] {
    return this.content.unfinished;
  }

  /** The results that the server has not confirmed, oldest first. */
  get results(): readonly UnconfirmedResult[] {
    return this.content.results;
  }

  /**
   * Records a job that may be started from now on. Other jobs stay as they are. The error says why the journal cannot
   * be written.
   */
  async recordAccepted(
    jobId: string,
    file: string | undefined,
    cgroup?: string,
  ): Promise<Result<void, string>> {
    const { jobs, unfinished } = this.content;
    const wasKnown = jobs.includes(jobId);
    const accepted: UnfinishedJob = {
      job_id: jobId,
      ...(file === undefined ? {} : { file }),
      ...(cgroup === undefined ? {} : { cgroup }),
    };
    try {
      await this.write({
        jobs: [...without(jobs, jobId).slice(1 - MAX_STARTED_JOBS), jobId],
        unfinished: [...unfinished.filter(({ job_id: id }) => id !== jobId), accepted],
      });
      return ok(undefined);
    } catch (thrown) {
      this.content = {
        ...this.content,
        jobs: wasKnown ? this.content.jobs : without(this.content.jobs, jobId),
        unfinished: this.content.unfinished.filter((job) => job !== accepted),
      };
      return err(`cannot write the job journal ${this.path}: ${messageOf(thrown)}`);
    }
  }

  /** Records the process of the job's command. */
  async recordStarted(jobId: string, process: UnfinishedJob['process']): Promise<void> {
    const { unfinished } = this.content;
    if (process === undefined || !this.isUnfinished(jobId)) return;
    await this.tryToWrite({
      unfinished: unfinished.map((job) => (job.job_id === jobId ? { ...job, process } : job)),
    });
  }

  /**
   * Records the end of a job, in the same write with a result that must be kept until the server confirms it. A job that
   * was never started is forgotten, so that it can come again.
   */
  async recordEnded(jobId: string, wasStarted: boolean, result?: UnconfirmedResult): Promise<void> {
    if (!this.isUnfinished(jobId)) return;
    const { jobs, unfinished, results } = this.content;
    await this.tryToWrite({
      jobs: wasStarted ? jobs : without(jobs, jobId),
      unfinished: unfinished.filter(({ job_id: id }) => id !== jobId),
      ...(result === undefined ? {} : { results: [...results, result] }),
    });
  }

  /** Forgets the result of a job. */
  async forgetResult(jobId: string): Promise<void> {
    const results = this.content.results.filter(({ job_id: id }) => id !== jobId);
    if (results.length < this.content.results.length) await this.tryToWrite({ results });
  }

  private isUnfinished(jobId: string): boolean {
    return this.content.unfinished.some(({ job_id: id }) => id === jobId);
  }

  /** Reports a failed write and goes on: the next write includes this change. */
  private async tryToWrite(change: Partial<Journal>): Promise<void> {
    await this.write(change).catch((thrown: unknown) => this.onFault(thrown));
  }

  private write(change: Partial<Journal>): Promise<void> {
    const content = (this.content = { ...this.content, ...change });
    const before = this.lastWrite;
    const written = before.then(() =>
      writeFileAtomically(this.path, formatJournal(content), { mode: 0o600 }),
    );
    this.lastWrite = Promise.allSettled([written]);
    return written;
  }
}

const parseJournal = (text: string): Journal => {
  const { jobs, current, others = [], results = [] } = journalSchema.parse(JSON.parse(text));
  return { jobs, unfinished: current === null ? others : [current, ...others], results };
};

const formatJournal = ({ jobs, unfinished, results }: Journal): string => {
  const [current = null, ...others] = unfinished;
  const journal: z.infer<typeof journalSchema> = {
    format: 1,
    jobs: [...jobs],
    current,
    ...(others.length === 0 ? {} : { others }),
    ...(results.length === 0 ? {} : { results: [...results] }),
  };
  return `${JSON.stringify(journal)}\n`;
};

const without = (jobs: readonly string[], jobId: string): string[] => jobs.filter((id) => id !== jobId);

const readIfExists = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
};
