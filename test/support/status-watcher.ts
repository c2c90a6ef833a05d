import {
  isJobOver,
  isNodeDone,
  jobStatusOf,
  type NodeStatus,
  nodeStatusOf,
} from '../../src/shared/protocol/job-status.js';
import type { TestDatabase } from './database.js';

/** The job node of one node in the database. */
export interface StoredJobNode {
  readonly status: NodeStatus;
  readonly reason: string | null;
  readonly isJobOver: boolean;
}

/** Reads all job nodes from the database, and notes final statuses that change. */
export class StatusWatcher {
  /** Changes of final statuses, for example `web1: crashed, then succeeded`. */
  readonly changes: string[] = [];
  private readonly finalStatuses = new Map<string, NodeStatus>();

  constructor(private readonly database: TestDatabase) {}

  /** Returns the job nodes by job id and node name: `ID/NAME`. */
  async read(): Promise<Map<string, StoredJobNode>> {
    const rows = await this.database.sql(
      `SELECT n.job_id, n.node_name, n.status, n.reason, j.status AS job_status
       FROM job_nodes n JOIN jobs j ON j.id = n.job_id`,
    );
    const found = new Map<string, StoredJobNode>();
    for (const row of rows) {
      const key = `${String(row.job_id)}/${String(row.node_name)}`;
      const status = nodeStatusOf(Number(row.status));
      this.note(key, status);
      const reason = typeof row.reason === 'string' ? row.reason : null;
      found.set(key, { status, reason, isJobOver: isJobOver(jobStatusOf(Number(row.job_status))) });
    }
    return found;
  }

  private note(key: string, status: NodeStatus): void {
    const before = this.finalStatuses.get(key);
    if (before !== undefined && before !== status) this.changes.push(`${key}: ${before}, then ${status}`);
    if (isNodeDone(status)) this.finalStatuses.set(key, status);
  }
}
