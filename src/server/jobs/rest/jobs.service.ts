import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { AuditLog, type Requestor } from '../../auth/auth.port.js';
import { LOGGER } from '../../config/config.module.js';
import { NOT_STORED_YET } from '../../http/error-response.js';
import { AppError } from '../../../shared/lib/app-error.js';
import type { Rejection } from '../../http/rejected-request.js';
import { err, ok, type Result } from '../../../shared/lib/result.js';
import { omitUndefined } from '../../../shared/lib/omit-undefined.js';
import { isJobOver, type JobStatus } from '../../../shared/protocol/job-status.js';
import { formatCursor, type JobListQuery, MAX_PAGE } from '../../../shared/protocol/job-list-query.js';
import type { Job, JobSummary } from '../../../shared/protocol/rest-schemas.js';
import { type FindOptions, JobStore, waitUntilFlushed } from '../job-store.port.js';
import { JobSupervisor } from '../live/job-supervisor.js';
import type { LiveJob } from '../live/live-job.js';
import { jobListStream } from './job-list-stream.js';
import { toJobSummary, toJobView, toStoredForm } from './job-view.js';

/** How long an abort waits until the end of the job is stored. */
const MAX_ABORT_WAIT_MS = 10_000;

const alreadyEnded = (jobId: string, status: JobStatus): Rejection => ({
  status: 409,
  error: `job ${jobId} has already ended: ${status}`,
});

/** The job is stored, but not in memory yet. */
const notStartedYet = (jobId: string): Rejection => ({
  status: 503,
  error: [`job ${jobId} is being started; try again in a moment`],
  headers: { 'Retry-After': '1' },
});

/** A list of jobs, and the cursor of the next page if there is one. A long list is a stream of its JSON text. */
export interface JobList {
  readonly jobs: readonly JobSummary[] | Readable;
  readonly next?: string;
}

/**
 * Lists, finds and aborts jobs. Rejects with an AppError: `database_unavailable` if the database cannot be used,
 * `not_stored_yet` if the end of an aborted job is not stored in time.
 */
@Injectable()
export class JobsService {
  constructor(
    private readonly store: JobStore,
    private readonly supervisor: JobSupervisor,
    private readonly audit: AuditLog,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Aborts a job and returns it when its end is stored. Returns a rejection if it has ended or is not in memory yet, and
   * undefined if the organization has no job of that id.
   */
  async abort(requestor: Requestor, jobId: string): Promise<Result<Job, Rejection> | undefined> {
    const { orgId } = requestor;
    const live = this.supervisor.find(orgId, jobId);
    if (live === undefined) {
      const stored = await this.store.find(orgId, jobId);
      return (
        stored && err(isJobOver(stored.status) ? alreadyEnded(jobId, stored.status) : notStartedYet(jobId))
      );
    }
    const isAborted = live.requestAbort();
    if (isAborted) {
      const { command } = live.record;
      const nodes = Array.from(live.nodeStatuses(), ([node]) => node);
      this.audit.record('job_abort', requestor, 'called_off', { job: jobId, command, nodes });
    }
    await this.waitForEnd(live);
    return isAborted ? ok(toJobView(toStoredForm(live, false))) : err(alreadyEnded(jobId, live.status));
  }

  /** Lists the jobs of an organization that match the query, without their nodes. */
  async list(orgId: string, query: JobListQuery): Promise<JobList> {
    await waitUntilFlushed(this.store);
    const { cursor, order, limit, ...rest } = query;
    const filter = {
      ...omitUndefined(rest),
      newestFirst: order === 'newest',
      ...(cursor && { after: cursor }),
    };
    const page = await this.store.page(orgId, { ...filter, limit: limit ?? MAX_PAGE });
    if (limit === undefined && page.next !== undefined) {
      return { jobs: jobListStream(this.store, orgId, filter, this.logger) };
    }
    return {
      jobs: page.jobs.map((job) => toJobSummary(job)),
      ...(page.next && { next: formatCursor(page.next) }),
    };
  }

  /** Returns a job of the organization with its nodes. */
  async find(orgId: string, jobId: string, includeFile: boolean): Promise<Job | undefined> {
    const live = this.supervisor.find(orgId, jobId);
    if (live === undefined) return this.findStored(orgId, jobId, { includeFile });
    const { status } = live;
    const view = toJobView(toStoredForm(live, includeFile));
    // A job is complete only when that is stored, which an unavailable database may still prevent.
    return (await waitUntilFlushed(this.store)) ? view : { ...view, status };
  }

  /** Returns a job with the details of its nodes, as they are stored, and which of its nodes are silent. */
  async findDetailed(orgId: string, jobId: string, includeFile: boolean): Promise<Job | undefined> {
    await waitUntilFlushed(this.store);
    return this.findStored(orgId, jobId, { includeFile, details: true });
  }

  private async findStored(orgId: string, jobId: string, options: FindOptions): Promise<Job | undefined> {
    const stored = await this.store.find(orgId, jobId, options);
    const live = options.details === true ? this.supervisor.find(orgId, jobId) : undefined;
    if (stored === undefined || live === undefined) return stored && toJobView(stored);
    const nodes = stored.nodes.map((node) => ({
      ...node,
      ...omitUndefined({ noContactSince: live.noContactSince(node.name) }),
    }));
    return toJobView({ ...stored, nodes });
  }

  /** Returns the captured output of a node; undefined if there is none or the organization has no job of that id. */
  async output(
    orgId: string,
    jobId: string,
    node: string,
    stream: 'stdout' | 'stderr',
  ): Promise<Buffer | undefined> {
    await waitUntilFlushed(this.store);
    return this.store.output(orgId, jobId, node, stream);
  }

  private async waitForEnd(job: LiveJob): Promise<void> {
    const late = sleep(MAX_ABORT_WAIT_MS, 'late', { ref: false });
    if ((await Promise.race([job.ended, late])) !== 'late') return;
    throw new AppError(NOT_STORED_YET, `job ${job.record.id} is ending, its end is not stored yet`);
  }
}
