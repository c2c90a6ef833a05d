import type { Database } from '../../persistence/database.port.js';
import { JOB_STATUS_CODES } from '../../../shared/protocol/job-status.js';
import type { JobPlace } from '../../../shared/protocol/job-list-query.js';
import type { JobFilter, JobPage } from '../job-store.port.js';
import { JOB_COLUMNS, type JobRow, toStoredJob } from './job-rows.js';

/** Who asked for a job; an old server stored it in another column. */
const CREATED_BY = `coalesce(j.created_by, rtrim(j.last_updated_by))`;

/** How much of a text its index holds. */
const INDEXED = 128;

/** A node's part is created with its job, so its index gives the jobs in order, too. */
const JOBS_OF_NODE = 'job_nodes n JOIN jobs j ON j.id = n.job_id';

const utc = (parameter: string): string =>
  `(timestamp '1970-01-01' + ${parameter}::bigint * interval '1 microsecond')`;

interface PageQuery {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** A part of a list that one statement reads: all jobs, or those with or without a date; perhaps after a place. */
interface Stretch {
  readonly dated?: boolean;
  readonly after?: JobPlace;
}

/** What is left of a list: after a place the rest of its stretch, and the stretches that follow. */
const stretchesOf = ({ after, newestFirst = false }: JobFilter): readonly Stretch[] => {
  if (after === undefined) return [{}];
  const first = { dated: after.createdAtMicros !== null, after };
  return first.dated === newestFirst ? [first] : [first, { dated: !first.dated }];
};

/**
 * The statement for a page. Each condition is written so that its index gives the rows in order (a text is compared by
 * its beginning first); parameters for char(32) columns have no type, or else those would not serve.
 */
const pageQuery = (orgId: string, filter: JobFilter, { dated, after }: Stretch, most?: number): PageQuery => {
  const parameters: unknown[] = [orgId];
  const p = (value: unknown): string => `$${parameters.push(value)}`;
  const sameText = (column: string, value: string): string => {
    const parameter = `${p(value)}::text`;
    return `left(${column}, ${INDEXED}) = left(${parameter}, ${INDEXED}) AND ${column} = ${parameter}`;
  };
  const { status, command, user, node, since, until, newestFirst = false } = filter;
  const where = ['j.org_id = $1'];
  const [from, at, id] =
    node === undefined ? ['jobs j', 'j.created_at', 'j.id'] : [JOBS_OF_NODE, 'n.created_at', 'n.job_id'];
  if (node !== undefined) where.push('n.org_id = $1', sameText('n.node_name', node));
  if (status !== undefined) where.push(`j.status = ${p(JOB_STATUS_CODES[status])}`);
  if (command !== undefined) where.push(sameText('j.command', command));
  if (user !== undefined) where.push(sameText(CREATED_BY, user));
  if (since !== undefined) where.push(`${at} >= ${utc(p(since * 1000))}`);
  if (until !== undefined) where.push(`${at} < ${utc(p(until * 1000))}`);
  if (dated !== undefined) where.push(`${at} IS ${dated ? 'NOT ' : ''}NULL`);
  const beyond = newestFirst ? '<' : '>';
  if (after?.createdAtMicros === null) where.push(`${id} ${beyond} ${p(after.id)}`);
  else if (after !== undefined) {
    where.push(`(${at}, ${id}) ${beyond} (${utc(p(after.createdAtMicros))}, ${p(after.id)})`);
  }
  const direction = newestFirst ? 'DESC' : 'ASC';
  const sql = `
    SELECT ${JOB_COLUMNS}, (extract(epoch FROM ${at}) * 1000000)::bigint::text AS place_micros
    FROM ${from} LEFT JOIN job_options o ON o.job_id = j.id
    WHERE ${where.join(' AND ')} ORDER BY ${at} ${direction}, ${id} ${direction}
    ${most === undefined ? '' : `LIMIT ${p(most)}`}`;
  return { sql, parameters };
};

type PlacedRow = JobRow & { readonly place_micros: string | null };

/** Reads a page; one row more than asked for tells whether there is more. */
export const readJobPage = async (database: Database, orgId: string, filter: JobFilter): Promise<JobPage> => {
  const { limit } = filter;
  const rows: PlacedRow[] = [];
  for (const stretch of stretchesOf(filter)) {
    const most = limit === undefined ? undefined : limit + 1 - rows.length;
    if (most === 0) break;
    const { sql, parameters } = pageQuery(orgId, filter, stretch, most);
    rows.push(...((await database.query(sql, parameters)) as PlacedRow[]));
  }
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const jobs = shown.map(toStoredJob);
  if (last === undefined || shown.length === rows.length) return { jobs };
  return { jobs, next: { createdAtMicros: last.place_micros, id: last.id.trimEnd() } };
};
