import type { Database } from '../../persistence/database.port.js';
import { JOB_STATUS_CODES } from '../../../shared/protocol/job-status.js';
import type { JobListPosition } from '../../../shared/protocol/job-list-query.js';
import type { JobFilter, JobPage } from '../job-store.port.js';
import { JOB_COLUMNS, type JobRow, toStoredJob } from './job-rows.js';

/** The name of the requestor; the old server stored it in another column. */
const CREATED_BY = `coalesce(j.created_by, rtrim(j.last_updated_by))`;

/** How many characters of a text are indexed. */
const INDEXED_CHARS = 128;

/** Job nodes are created with their job, so their index also returns the jobs in order. */
const JOBS_OF_NODE = 'job_nodes n JOIN jobs j ON j.id = n.job_id';

const utc = (parameter: string): string =>
  `(timestamp '1970-01-01' + ${parameter}::bigint * interval '1 microsecond')`;

interface PageQuery {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/**
 * A segment of a list that one statement reads: all jobs, or those with (`false`) or without (`true`) a NULL creation
 * time, which sort last; perhaps only after a place.
 */
interface NullsSegment {
  readonly nulls?: boolean;
  readonly after?: JobListPosition;
}

/** Returns what is left of a list after a place: the rest of its segment, and the segment that follows. */
const remainingSegments = ({ after, newestFirst = false }: JobFilter): readonly NullsSegment[] => {
  if (after === undefined) return [{}];
  const first = { nulls: after.createdAtMicros === null, after };
  const isLast = first.nulls !== newestFirst;
  return isLast ? [first] : [first, { nulls: !first.nulls }];
};

/**
 * Returns the statement for a page. Each condition lets its index return the rows in order: a text is first compared by
 * its indexed beginning, and parameters for char(32) columns have no type, because a text would not use the index.
 */
const pageQuery = (
  orgId: string,
  filter: JobFilter,
  { nulls, after }: NullsSegment,
  limit?: number,
): PageQuery => {
  const parameters: unknown[] = [orgId];
  const bind = (value: unknown): string => `$${parameters.push(value)}`;
  const sameText = (column: string, value: string): string => {
    const parameter = `${bind(value)}::text`;
    return `left(${column}, ${INDEXED_CHARS}) = left(${parameter}, ${INDEXED_CHARS}) AND ${column} = ${parameter}`;
  };
  const { status, command, user, node, since, until, newestFirst = false } = filter;
  const where = ['j.org_id = $1'];
  const [from, at, id] =
    node === undefined ? ['jobs j', 'j.created_at', 'j.id'] : [JOBS_OF_NODE, 'n.created_at', 'n.job_id'];
  if (node !== undefined) where.push('n.org_id = $1', sameText('n.node_name', node));
  if (status !== undefined) where.push(`j.status = ${bind(JOB_STATUS_CODES[status])}`);
  if (command !== undefined) where.push(sameText('j.command', command));
  if (user !== undefined) where.push(sameText(CREATED_BY, user));
  if (since !== undefined) where.push(`${at} >= ${utc(bind(since * 1000))}`);
  if (until !== undefined) where.push(`${at} < ${utc(bind(until * 1000))}`);
  if (nulls !== undefined) where.push(`${at} IS ${nulls ? '' : 'NOT '}NULL`);
  const isAfter = newestFirst ? '<' : '>';
  if (after?.createdAtMicros === null) where.push(`${id} ${isAfter} ${bind(after.id)}`);
  else if (after !== undefined) {
    where.push(`(${at}, ${id}) ${isAfter} (${utc(bind(after.createdAtMicros))}, ${bind(after.id)})`);
  }
  const direction = newestFirst ? 'DESC' : 'ASC';
  const sql = `
    SELECT ${JOB_COLUMNS}, (extract(epoch FROM ${at}) * 1000000)::bigint::text AS place_micros
    FROM ${from} LEFT JOIN job_options o ON o.job_id = j.id
    WHERE ${where.join(' AND ')} ORDER BY ${at} ${direction}, ${id} ${direction}
    ${limit === undefined ? '' : `LIMIT ${bind(limit)}`}`;
  return { sql, parameters };
};

type PlacedRow = JobRow & { readonly place_micros: string | null };

/** Reads a page. Fetches one row more than the limit to find out if there are more jobs. */
export const readJobPage = async (database: Database, orgId: string, filter: JobFilter): Promise<JobPage> => {
  const { limit } = filter;
  const rows: PlacedRow[] = [];
  for (const segment of remainingSegments(filter)) {
    const missing = limit === undefined ? undefined : limit + 1 - rows.length;
    if (missing === 0) break;
    const { sql, parameters } = pageQuery(orgId, filter, segment, missing);
    rows.push(...((await database.query(sql, parameters)) as PlacedRow[]));
  }
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const jobs = shown.map(toStoredJob);
  if (last === undefined || shown.length === rows.length) return { jobs };
  return { jobs, next: { createdAtMicros: last.place_micros, id: last.id.trimEnd() } };
};
