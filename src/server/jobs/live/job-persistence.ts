import type { Logger } from 'pino';
import type { Clock } from '../../../shared/lib/clock.js';
import type { JobMessage } from '../../../shared/protocol/client-message.js';
import { isNodeDone, type JobStatus, type NodeStatus } from '../../../shared/protocol/job-status.js';
import type { LateResult, NodeDetails } from '../../persistence/batch-writer.port.js';
import type { JobStore } from '../job-store.port.js';
import type { JobRecord } from './job-record.js';

/** Hands the changes of one job to the store, in the order in which they happen. */
export class JobPersistence {
  private readonly nodesWithOutput = new Set<string>();

  /** `updatedAt` is the time of the latest change, in milliseconds since 1970. */
  constructor(
    private readonly record: JobRecord,
    private readonly store: JobStore,
    private readonly clock: Clock,
    private readonly logger: Logger,
    public updatedAt: number,
  ) {}

  /** Saves the status of a job node; the details only if the status is final. */
  saveNodeStatus(node: string, status: NodeStatus, details: NodeDetails | undefined): void {
    this.touch();
    const { orgId, id } = this.record;
    const saved = isNodeDone(status) ? details : undefined;
    this.store.saveNodeStatus(orgId, id, node, status, this.updatedAt, saved);
  }

  /** Saves that the job runs from now on. Returns the run deadline, in milliseconds since 1970. */
  saveRunning(): number {
    this.touch();
    const runDeadline = this.updatedAt + this.record.runTimeout * 1000;
    this.store.saveJobStatus(this.record.orgId, this.record.id, 'running', this.updatedAt, { runDeadline });
    return runDeadline;
  }

  saveOutcome(status: JobStatus): void {
    this.touch();
    this.store.saveJobStatus(this.record.orgId, this.record.id, status, this.updatedAt);
  }

  /** Saves the output of a node's first result, if the job captures output. */
  saveCapturedOutput(node: string, message: JobMessage): void {
    const { stdout, stderr } = message;
    if (!this.record.capture || !isResult(message) || (stdout === undefined && stderr === undefined)) return;
    if (this.nodesWithOutput.has(node)) return;
    this.nodesWithOutput.add(node);
    this.store.saveOutput(
      this.record.orgId,
      this.record.id,
      node,
      Buffer.from(stdout ?? ''),
      Buffer.from(stderr ?? ''),
    );
  }

  /** Calls back when all changes so far are durable. If the server stops before that, its next start continues. */
  whenStored(callback: () => void): void {
    this.store
      .flushed()
      .then(callback)
      .catch((thrown: unknown) =>
        this.logger.error({ job: this.record.id, err: thrown }, 'cannot store a change of a job'),
      );
  }

  private touch(): void {
    this.updatedAt = this.clock.now();
  }
}

/** Whether the message reports the end of the command. */
export const isResult = ({ type }: JobMessage): boolean => type === 'succeeded' || type === 'failed';

/** Returns what our own client reports beyond the type of its message. */
export const nodeDetailsOf = (message: JobMessage): NodeDetails => ({
  ...(message.exit_code === undefined ? {} : { exitCode: message.exit_code }),
  ...(message.signal === undefined ? {} : { signal: message.signal }),
  ...(message.duration_ms === undefined ? {} : { durationMs: message.duration_ms }),
  ...(message.reason === undefined ? {} : { reason: message.reason }),
});

/** Returns what is kept of a result that came after its job node had ended; `at` is milliseconds since 1970. */
export const lateResultOf = ({ type, exit_code, signal }: JobMessage, at: number): LateResult => ({
  status: type === 'succeeded' ? 'succeeded' : 'failed',
  at,
  ...(exit_code === undefined ? {} : { exitCode: exit_code }),
  ...(signal === undefined ? {} : { signal }),
});
