import { randomBytes } from 'node:crypto';
import { HttpStatus, Inject, Injectable } from '@nestjs/common';
import { AUDIT, type Audit } from '../../auth/audit.port.js';
import type { Refusal, Requestor } from '../../auth/auth.port.js';
import { CLOCK } from '../../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../../config/server-config.js';
import { AppError } from '../../../shared/lib/app-error.js';
import type { Clock } from '../../../shared/lib/clock.js';
import { given } from '../../../shared/lib/omit-undefined.js';
import { err, ok, type Result } from '../../../shared/lib/result.js';
import { FLEET, type Fleet } from '../../nodes/nodes.port.js';
import { DATABASE_REFUSED, DATABASE_UNAVAILABLE } from '../../persistence/database.port.js';
import type { DryRun, JobRequest } from '../../../shared/protocol/rest-schemas.js';
import { JOB_STORE, type JobRequestMark, type JobStore, type NewJob } from '../job-store.port.js';
import { JobSupervisor } from './job-supervisor.js';
import { settled } from '../settled.js';
import { StartedRequests } from '../rest/replay-guard.js';

/** Starts jobs. Rejects with an AppError (`database_unavailable`) where a job cannot be stored: then none was started. */
@Injectable()
export class JobStarter {
  private readonly requests = new StartedRequests();

  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    @Inject(JOB_STORE) private readonly store: JobStore,
    @Inject(JobSupervisor) private readonly supervisor: JobSupervisor,
    @Inject(FLEET) private readonly fleet: Fleet,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(AUDIT) private readonly audit: Audit,
  ) {}

  /**
   * Stores a job and asks its nodes for their votes; hands back its id. A request with a mark that has started a job
   * before gets that one's id; the refusal where it asked for something else then, and of a request that is replayed.
   */
  async start(
    requestor: Requestor,
    request: JobRequest,
    mark?: JobRequestMark,
  ): Promise<Result<string, Refusal>> {
    if (this.store.overloaded) throw unavailable('too many changes wait for the database');
    const before = mark && (await this.startedBefore(requestor, mark));
    if (before !== undefined) return before;
    const job = this.newJob(requestor, request, mark);
    const { signature } = requestor;
    const stored = await this.requests.startOnce(signature, () => this.storeOrJoin(requestor, job, mark));
    if (!stored.ok) {
      this.note(requestor, stored.error, request);
      return err(REPLAYED);
    }
    if (stored.value !== undefined) return stored.value;
    try {
      await this.supervisor.begin(job);
    } finally {
      this.note(requestor, 'started', request, job.id);
    }
    return ok(job.id);
  }

  /** Which nodes could take the job now. Nothing is stored and no node is asked. */
  dryRun({ orgId }: Requestor, { nodes, quorum = nodes.length }: JobRequest): DryRun {
    const available: string[] = [];
    const unavailable: { node_name: string; reason: string }[] = [];
    for (const node of nodes) {
      const isBusy = this.supervisor.isBusy({ orgId, node });
      const reason = this.fleet.trouble({ orgId, node }) ?? (isBusy ? 'busy' : undefined);
      if (reason === undefined) available.push(node);
      else unavailable.push({ node_name: node, reason });
    }
    const nodesNow = { available, unavailable };
    return { dry_run: true, quorum, quorum_reached: available.length >= quorum, nodes: nodesNow };
  }

  /** Stores a job; where the same request came twice at the same time and the other one was first, what that started. */
  private async storeOrJoin(
    requestor: Requestor,
    job: NewJob,
    mark: JobRequestMark | undefined,
  ): Promise<Result<string, Refusal> | undefined> {
    try {
      await this.store.create(job);
      return undefined;
    } catch (thrown) {
      const isRefused = thrown instanceof AppError && thrown.code === DATABASE_REFUSED;
      const other = mark && isRefused ? await this.startedBefore(requestor, mark) : undefined;
      if (other === undefined) throw thrown;
      return other;
    }
  }

  private note(
    requestor: Requestor,
    outcome: string,
    { command, nodes, user }: JobRequest,
    job?: string,
  ): void {
    const about = { ...given({ job, runAs: user }), command, nodes };
    this.audit.record('job_start', requestor, outcome, about);
  }

  /**
   * What this request started before. A job that was stored although we were told otherwise must have been marked as
   * such by now, so all changes must have been stored first.
   */
  private async startedBefore(
    { orgId }: Requestor,
    { request, bodyHash }: JobRequestMark,
  ): Promise<Result<string, Refusal> | undefined> {
    if (!(await settled(this.store))) throw unavailable('changes still wait for the database');
    const started = await this.store.findStarted(orgId, request);
    if (started === undefined) return undefined;
    return started.bodyHash.equals(bodyHash) ? ok(started.jobId) : err(otherBody(started.jobId));
  }

  private newJob(requestor: Requestor, request: JobRequest, mark: JobRequestMark | undefined): NewJob {
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
      ...(mark === undefined ? {} : { request: mark }),
    };
  }
}

const REPLAYED: Refusal = {
  status: HttpStatus.UNAUTHORIZED,
  error: ['this request was served already; sign a new one'],
};

const otherBody = (jobId: string): Refusal => ({
  status: HttpStatus.UNPROCESSABLE_ENTITY,
  error: `this Idempotency-Key came before with another body, and started the job ${jobId}`,
});

const unavailable = (reason: string): AppError =>
  new AppError(DATABASE_UNAVAILABLE, `${reason}: no job can be started now`);
