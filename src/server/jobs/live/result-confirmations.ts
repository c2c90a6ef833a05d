import type { Logger } from 'pino';
import { messageOf } from '../../../shared/lib/app-error.js';
import { isNodeDone } from '../../../shared/protocol/job-status.js';
import { type NodeAddress, nodeKeyOf } from '../../../shared/protocol/node-address.js';
import type { NodeDirectory } from '../../nodes/nodes.port.js';
import type { JobStore } from '../job-store.port.js';

/** Maximum number of lookups in progress. A client whose result is not looked up sends it again. */
const MAX_LOOKUPS = 64;

/**
 * Confirms results to clients that keep them until they are stored.
 * See docs/spec/wire-protocol.md, "Capability `result_ack`".
 */
export class ResultConfirmations {
  /** The nodes to confirm to, by job, at the end of the next flush. */
  private waiting = new Map<string, NodeAddress[]>();
  private flushing = false;
  private readonly lookups = new Set<string>();

  constructor(
    private readonly store: Pick<JobStore, 'flushed' | 'nodeStatus'>,
    private readonly nodeDirectory: Pick<NodeDirectory, 'send'>,
    private readonly logger: Logger,
  ) {}

  /** Confirms a result of a job in memory when all changes so far are durable. Many results share one flush. */
  confirmWhenStored(address: NodeAddress, jobId: string): void {
    const nodes = this.waiting.get(jobId);
    if (nodes === undefined) this.waiting.set(jobId, [address]);
    else nodes.push(address);
    if (!this.flushing) void this.flush();
  }

  /** Answers a result of a job that is not in memory: it is over, or was never there. */
  async answerForStoredJob(address: NodeAddress, jobId: string): Promise<void> {
    const key = nodeKeyOf(address);
    if (this.lookups.size >= MAX_LOOKUPS || this.lookups.has(key)) return;
    this.lookups.add(key);
    try {
      const status = await this.store.nodeStatus(address.orgId, jobId, address.node);
      if (status === undefined) this.nodeDirectory.send([address], { type: 'result_unknown', job_id: jobId });
      else if (isNodeDone(status)) this.confirmWhenStored(address, jobId);
    } catch (thrown) {
      this.noteFailure(thrown);
    } finally {
      this.lookups.delete(key);
    }
  }

  private async flush(): Promise<void> {
    this.flushing = true;
    try {
      while (this.waiting.size > 0) {
        const batch = this.waiting;
        this.waiting = new Map();
        await this.store.flushed();
        for (const [jobId, addresses] of batch) {
          this.nodeDirectory.send(addresses, { type: 'result_stored', job_id: jobId });
        }
      }
    } catch (thrown) {
      this.noteFailure(thrown);
    } finally {
      this.flushing = false;
    }
  }

  /** The clients send their results again, to this server or to the next one. */
  private noteFailure(thrown: unknown): void {
    this.logger.debug({ reason: messageOf(thrown) }, 'cannot confirm results');
  }
}
