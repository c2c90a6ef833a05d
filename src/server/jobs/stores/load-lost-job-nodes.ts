import type { Database } from '../../persistence/database.port.js';
import type { StoredLostJobNode } from '../job-store.port.js';

/** The partial index on `lost_contact_at` finds the few job nodes that it concerns. */
const LOST_JOB_NODES = `
  SELECT n.org_id, n.job_id, n.node_name, coalesce(o.capture, false) AS capture,
    (extract(epoch FROM j.run_deadline) * 1000)::float8 AS run_deadline
  FROM job_nodes n JOIN jobs j ON j.id = n.job_id LEFT JOIN job_options o ON o.job_id = n.job_id
  WHERE n.lost_contact_at IS NOT NULL AND n.late_result IS NULL AND j.run_deadline > to_timestamp($1::float8 / 1000)`;

interface LostJobNodeRow {
  readonly org_id: string;
  readonly job_id: string;
  readonly node_name: string;
  readonly capture: boolean;
  readonly run_deadline: number;
}

/** Reads the lost job nodes without a late result whose run deadline is after `now`, milliseconds since 1970. */
export const loadLostJobNodes = async (database: Database, now: number): Promise<StoredLostJobNode[]> => {
  const rows = (await database.query(LOST_JOB_NODES, [now])) as LostJobNodeRow[];
  return rows.map((row) => ({
    orgId: row.org_id.trimEnd(),
    jobId: row.job_id.trimEnd(),
    node: row.node_name,
    capture: row.capture,
    runDeadline: Math.round(row.run_deadline),
  }));
};
