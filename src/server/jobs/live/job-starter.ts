import { randomBytes } from 'node:crypto';
import { HttpStatus, Inject, Injectable } from '@nestjs/common';
import { AuditLog, type Requestor } from '../../auth/auth.port.js';
import type { Rejection } from '../../http/rejected-request.js';
import { SERVER_CONFIG, type ServerConfig } from '../../config/server-config.js';
import { AppError } from '../../../shared/lib/app-error.js';
import { Clock } from '../../../shared/lib/clock.js';
import { omitUndefined } from '../../../shared/lib/omit-undefined.js';
import { err, ok, type Result } from '../../../shared/lib/result.js';
import { NodeDirectory } from '../../nodes/nodes.port.js';
import { DATABASE_REFUSED, DATABASE_UNAVAILABLE } from '../../persistence/database.port.js';
import type { JobRequest } from '../../../shared/protocol/job-request.js';
import type { DryRun } from '../../../shared/protocol/rest-schemas.js';
import { type IdempotencyMark, JobStore, type NewJob, waitUntilFlushed } from '../job-store.port.js';
import { JobSupervisor } from './job-supervisor.js';
import { ReplayGuard } from './replay-guard.js';

/** Starts jobs. Rejects with an AppError (`database_unavailable`) if a job cannot be stored; then it is not started. */
@Injectable()
export class JobStarter {
  private readonly replayGuard = new ReplayGuard();

  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    private readonly store: JobStore,
    private readonly supervisor: JobSupervisor,
    private readonly nodeDirectory: NodeDirectory,
    private readonly clock: Clock,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Stores a job and asks its nodes for their votes. Returns its id, or that of the job which the same idempotency key
   * has started before. Rejects that key with another body, and a replayed request. See docs/spec/rest-api.md,
   * "Repeated requests".
   */
  async start(
    requestor: Requestor,
    request: JobRequest,
    mark?: IdempotencyMark,
  ): Promise<Result<string, Rejection>> {
    if (this.store.overloaded) throw unavailable('too many changes wait for the database');
    const earlier = mark && (await this.releaseKeyOrGetStart(requestor, mark));
    if (earlier !== undefined) return earlier;
    const job = this.newJob(requestor, request, mark);
    const { signature } = requestor;
    const stored = await this.replayGuard.runOnce(signature, () =>
      this.storeOrGetEarlier(requestor, job, mark),
    );
    if (!stored.ok) {
      this.recordAudit(requestor, stored.error, request);
      return err(REPLAYED);
    }
    if (stored.value !== undefined) return stored.value;
    try {
      await this.supervisor.start(job);
    } finally {
      this.recordAudit(requestor, 'started', request, job.id);
    }
    return ok(job.id);
  }

  /** Returns which nodes could take the job now. Stores nothing and asks no node. */
  dryRun({ orgId }: Requestor, { nodes, quorum = nodes.length }: JobRequest): DryRun {
    const available: string[] = [];
    const unavailable: { node_name: string; reason: string }[] = [];
    for (const node of nodes) {
      const isBusy = this.supervisor.isBusy({ orgId, node });
      const reason =
        this.nodeDirectory.unavailabilityReason({ orgId, node }) ?? (isBusy ? 'busy' : undefined);
      if (reason === undefined) available.push(node);
      else unavailable.push({ node_name: node, reason });
    }
    const nodesNow = { available, unavailable };
    return { dry_run: true, quorum, quorum_reached: available.length >= quorum, nodes: nodesNow };
  }

  /** Stores a job. If an equal request stored its job at the same time, returns the result of that one. */
  private async storeOrGetEarlier(
    requestor: Requestor,
    job: NewJob,
    mark: IdempotencyMark | undefined,
  ): Promise<Result<string, Rejection> | undefined> {
    try {
      await this.store.create(job);
      return undefined;
    } catch (thrown) {
      const isRejected = thrown instanceof AppError && thrown.code === DATABASE_REFUSED;
      const earlier = mark && isRejected ? await this.releaseKeyOrGetStart(requestor, mark) : undefined;
      if (earlier === undefined) throw thrown;
      return earlier;
    }
  }

  private recordAudit(
    requestor: Requestor,
    outcome: string,
    { command, nodes, user }: JobRequest,
    job?: string,
  ): void {
    const about = { ...omitUndefined({ job, runAs: user }), command, nodes };
    this.audit.record('job_start', requestor, outcome, about);
  }

  /**
   * Returns the result of an earlier request with the same key. Waits until all changes are stored: a job whose storing
   * was not confirmed must be marked as crashed first.
   */
  private async releaseKeyOrGetStart(
    { orgId }: Requestor,
    { keyHash, bodyHash }: IdempotencyMark,
  ): Promise<Result<string, Rejection> | undefined> {
    if (!(await waitUntilFlushed(this.store))) throw unavailable('changes still wait for the database');
    const started = await this.store.releaseKeyOrGetStart(orgId, keyHash);
    if (started === undefined) return undefined;
    return started.bodyHash.equals(bodyHash) ? ok(started.jobId) : err(otherBody(started.jobId));
  }

  private newJob(requestor: Requestor, request: JobRequest, mark: IdempotencyMark | undefined): NewJob {
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
      ...omitUndefined({ user, dir, env, file, idempotency: mark }),
    };
  }
}

const REPLAYED: Rejection = {
  status: HttpStatus.UNAUTHORIZED,
  error: ['this request was served already; sign a new one'],
};

const otherBody = (jobId: string): Rejection => ({
  status: HttpStatus.UNPROCESSABLE_ENTITY,
  error: `this Idempotency-Key came before with another body, and started the job ${jobId}`,
});

const unavailable = (reason: string): AppError =>
  new AppError(DATABASE_UNAVAILABLE, `${reason}: no job can be started now`);
