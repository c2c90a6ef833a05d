import { randomBytes } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { AUDIT, type Audit } from '../auth/audit.port.js';
import type { Requestor } from '../auth/auth.port.js';
import { CLOCK } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { AppError } from '../lib/app-error.js';
import type { Clock } from '../lib/clock.js';
import { err, ok, type Result } from '../lib/result.js';
import { given } from '../lib/given.js';
import { formatCursor, type JobListQuery } from '../protocol/job-list-query.js';
import type { Job, JobRequest, JobSummary } from '../protocol/rest-shapes.js';
import { type FindOptions, JOB_STORE, type JobStore, type NewJob } from './job-store.port.js';
import { JobSupervisor } from './job-supervisor.js';
import type { LiveJob } from './live-job.js';
import { storedFormOf, summaryOf, viewOf } from './job-view.js';

/** For so long an answer waits until what it shows is stored; longer only where the database is in trouble. */
const SETTLE_MS = 1000;

/** For so long an answer waits until the end of a job is stored. */
const END_MS = 10_000;

/** A list of jobs, and the cursor of what comes after it, where there is more. */
export interface JobList {
  readonly jobs: readonly JobSummary[];
  readonly next?: string;
}

/** What users ask of jobs. Rejects with an AppError (`database_unavailable`) where the database cannot answer. */
@Injectable()
export class JobsService {
  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    @Inject(JOB_STORE) private readonly store: JobStore,
    @Inject(JobSupervisor) private readonly supervisor: JobSupervisor,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(AUDIT) private readonly audit: Audit,
  ) {}

  /** Stores a job and asks its nodes for their votes; hands back its id. A job that is not stored is not started. */
  async start(requestor: Requestor, request: JobRequest): Promise<string> {
    if (this.store.overloaded) {
      throw new AppError(
        'database_unavailable',
        'too many changes wait for the database: no job can be started now',
      );
    }
    const job = this.newJob(requestor, request);
    await this.store.create(job);
    this.audit.record('job_start', requestor, 'started', {
      job: job.id,
      command: job.command,
      nodes: job.nodes,
      ...(job.user !== undefined && { runAs: job.user }),
    });
    this.supervisor.begin(job);
    return job.id;
  }

  /**
   * Ends a job at a user's wish and hands it back once its end is stored; the error, a text for the user, where it had
   * ended before. Undefined where the organization has no such job.
   */
  async abort(requestor: Requestor, jobId: string): Promise<Result<Job, string> | undefined> {
    const { orgId } = requestor;
    const live = this.supervisor.find(orgId, jobId);
    if (live === undefined) {
      const stored = await this.store.find(orgId, jobId);
      return stored === undefined ? undefined : err(`job ${jobId} has already ended: ${stored.status}`);
    }
    const calledOff = live.callOff();
    if (calledOff) {
      const { command } = live.record;
      const nodes = Array.from(live.nodeStatuses(), ([node]) => node);
      this.audit.record('job_abort', requestor, 'called_off', { job: jobId, command, nodes });
    }
    await this.endOf(live);
    return calledOff
      ? ok(viewOf(storedFormOf(live, false)))
      : err(`job ${jobId} has already ended: ${live.status}`);
  }

  /** The jobs of an organization that the query lets pass, without their nodes; all of them, oldest first, by default. */
  async list(orgId: string, query: JobListQuery): Promise<JobList> {
    await this.settled();
    const { cursor, order, ...filter } = query;
    const page = await this.store.page(orgId, {
      ...given(filter),
      newestFirst: order === 'newest',
      ...(cursor && { after: cursor }),
    });
    return {
      jobs: page.jobs.map((job) => summaryOf(job)),
      ...(page.next && { next: formatCursor(page.next) }),
    };
  }

  /** One job of the organization with its nodes; its file only where it is asked for. */
  async find(orgId: string, jobId: string, includeFile: boolean): Promise<Job | undefined> {
    const live = this.supervisor.find(orgId, jobId);
    if (live === undefined) return this.findStored(orgId, jobId, { includeFile });
    const view = viewOf(storedFormOf(live, includeFile));
    await this.settled();
    return view;
  }

  /** One job with all that is known of it and its nodes: as it is stored. */
  async findDetailed(orgId: string, jobId: string, includeFile: boolean): Promise<Job | undefined> {
    await this.settled();
    return this.findStored(orgId, jobId, { includeFile, details: true });
  }

  private async findStored(orgId: string, jobId: string, options: FindOptions): Promise<Job | undefined> {
    const stored = await this.store.find(orgId, jobId, options);
    return stored === undefined ? undefined : viewOf(stored);
  }

  /** What a node's command wrote; undefined where nothing was captured or the organization has no such job. */
  async output(
    orgId: string,
    jobId: string,
    node: string,
    stream: 'stdout' | 'stderr',
  ): Promise<Buffer | undefined> {
    await this.settled();
    return this.store.output(orgId, jobId, node, stream);
  }

  /** Waits until what happened so far is stored, so that no restart takes back what a user has seen. */
  private async settled(): Promise<void> {
    await Promise.race([this.store.flushed(), after(SETTLE_MS, undefined, { ref: false })]);
  }

  /** Waits until a job that is about to end has done so. */
  private async endOf(job: LiveJob): Promise<void> {
    const late = after(END_MS, 'late', { ref: false });
    if ((await Promise.race([job.ended, late])) !== 'late') return;
    throw new AppError(
      'database_unavailable',
      `job ${job.record.id} is ending, but its end could not be stored within ${END_MS} ms`,
    );
  }

  private newJob(requestor: Requestor, request: JobRequest): NewJob {
    const now = this.clock.now();
    const { user, dir, env, file } = request;
    return {
      id: requestor.orgId.slice(-12) + randomBytes(10).toString('hex'),
      orgId: requestor.orgId,
      command: request.command,
      nodes: request.nodes,
      quorum: request.quorum ?? request.nodes.length,
      runTimeout: request.run_timeout ?? this.config.default_running_timeout,
      createdBy: requestor.name,
      createdAt: now,
      votingDeadline: now + this.config.voting_timeout * 1000,
      capture: request.capture_output ?? false,
      ...(user === undefined ? {} : { user }),
      ...(dir === undefined ? {} : { dir }),
      ...(env === undefined ? {} : { env }),
      ...(file === undefined ? {} : { file }),
    };
  }
}
