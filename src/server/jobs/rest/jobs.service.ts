import type { Readable } from 'node:stream';
import { setTimeout as after } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { AUDIT, type Audit } from '../../auth/audit.port.js';
import type { Requestor } from '../../auth/auth.port.js';
import { LOGGER } from '../../config/config.module.js';
import { NOT_STORED_YET } from '../../http/error-answer.js';
import { AppError } from '../../../shared/lib/app-error.js';
import type { Refusal } from '../../http/refused-request.js';
import { err, ok, type Result } from '../../../shared/lib/result.js';
import { given } from '../../../shared/lib/omit-undefined.js';
import { isJobOver, type JobStatus } from '../../../shared/protocol/job-status.js';
import { formatCursor, type JobListQuery, MAX_PAGE } from '../../../shared/protocol/job-list-query.js';
import type { Job, JobSummary } from '../../../shared/protocol/rest-schemas.js';
import { type FindOptions, JOB_STORE, type JobStore } from '../job-store.port.js';
import { JobSupervisor } from '../live/job-supervisor.js';
import type { LiveJob } from '../live/live-job.js';
import { jobListStream } from './job-list-stream.js';
import { settled } from '../settled.js';
import { storedFormOf, summaryOf, viewOf } from './job-view.js';

/** For so long an answer waits until the end of a job is stored. */
const END_MS = 10_000;

const ended = (jobId: string, status: JobStatus): Refusal => ({
  status: 409,
  error: `job ${jobId} has already ended: ${status}`,
});

/** It stands in the database, but not in memory yet. */
const notYetStarted = (jobId: string): Refusal => ({
  status: 503,
  error: [`job ${jobId} is being started; try again in a moment`],
  headers: { 'Retry-After': '1' },
});

/** A list of jobs, and the cursor of what comes after it, where there is more; a long one comes as the text of its JSON. */
export interface JobList {
  readonly jobs: readonly JobSummary[] | Readable;
  readonly next?: string;
}

/**
 * What users ask of jobs that are there. Rejects with an AppError (`database_unavailable`) where the database cannot
 * answer, and (`not_stored_yet`) where it cannot take what was begun.
 */
@Injectable()
export class JobsService {
  constructor(
    @Inject(JOB_STORE) private readonly store: JobStore,
    @Inject(JobSupervisor) private readonly supervisor: JobSupervisor,
    @Inject(AUDIT) private readonly audit: Audit,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Ends a job at a user's wish and hands it back once its end is stored; an error where it had ended before, or does not
   * go on yet. Undefined where the organization has no such job.
   */
  async abort(requestor: Requestor, jobId: string): Promise<Result<Job, Refusal> | undefined> {
    const { orgId } = requestor;
    const live = this.supervisor.find(orgId, jobId);
    if (live === undefined) {
      const stored = await this.store.find(orgId, jobId);
      return stored && err(isJobOver(stored.status) ? ended(jobId, stored.status) : notYetStarted(jobId));
    }
    const calledOff = live.callOff();
    if (calledOff) {
      const { command } = live.record;
      const nodes = Array.from(live.nodeStatuses(), ([node]) => node);
      this.audit.record('job_abort', requestor, 'called_off', { job: jobId, command, nodes });
    }
    await this.endOf(live);
    return calledOff ? ok(viewOf(storedFormOf(live, false))) : err(ended(jobId, live.status));
  }

  /** The jobs of an organization that the query lets pass, without their nodes; all of them, oldest first, by default. */
  async list(orgId: string, query: JobListQuery): Promise<JobList> {
    await settled(this.store);
    const { cursor, order, limit, ...rest } = query;
    const filter = { ...given(rest), newestFirst: order === 'newest', ...(cursor && { after: cursor }) };
    const page = await this.store.page(orgId, { ...filter, limit: limit ?? MAX_PAGE });
    if (limit === undefined && page.next !== undefined) {
      return { jobs: jobListStream(this.store, orgId, filter, this.logger) };
    }
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
    await settled(this.store);
    return view;
  }

  /** One job with all that is known of it and its nodes: as it is stored. */
  async findDetailed(orgId: string, jobId: string, includeFile: boolean): Promise<Job | undefined> {
    await settled(this.store);
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
    await settled(this.store);
    return this.store.output(orgId, jobId, node, stream);
  }

  /** Waits until a job that is about to end has done so. */
  private async endOf(job: LiveJob): Promise<void> {
    const late = after(END_MS, 'late', { ref: false });
    if ((await Promise.race([job.ended, late])) !== 'late') return;
    throw new AppError(NOT_STORED_YET, `job ${job.record.id} is ending, its end is not stored yet`);
  }
}
