import { z } from 'zod';
import { err, ok, type Result } from '../lib/result.js';
import { JOB_STATUS_CODES, type JobStatus } from './job-status.js';
import { parseRfc1123 } from './wire-time.js';

/** The largest page of `GET jobs`. */
export const MAX_PAGE = 1000;

/**
 * A job's place in a list: when it was created, in microseconds since 1970, and its id. Null where nobody knows when (an
 * old server may have left such jobs): they count as newer than all others.
 */
export interface JobPlace {
  readonly createdAtMicros: string | null;
  readonly id: string;
}

const UNDATED = 'undated';
const PLACE = new RegExp(`^(\\d{1,17}|${UNDATED})\\.([0-9a-f]{32})$`);

/** Writes a place as a cursor; readers take it as it is. */
export const formatCursor = ({ createdAtMicros, id }: JobPlace): string =>
  Buffer.from(`${createdAtMicros ?? UNDATED}.${id}`).toString('base64url');

const parseCursor = (cursor: string): JobPlace | undefined => {
  const [, at, id] = PLACE.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (at === undefined || id === undefined) return undefined;
  return { createdAtMicros: at === UNDATED ? null : at, id };
};

const isoDate = z.iso.datetime({ offset: true });

/** Milliseconds since 1970 of a date as people and as this API write them. */
const parseDate = (text: string): number | undefined =>
  isoDate.safeParse(text).success ? Date.parse(text) : parseRfc1123(text);

/** A text that is understood by `parse`; what is not is refused. */
const textOf = <T>(parse: (text: string) => T | undefined, expected: string) =>
  z.string({ error: `expected ${expected}` }).transform((text, context) => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue(`expected ${expected}`);
    return z.NEVER;
  });

const statuses = Object.keys(JOB_STATUS_CODES) as [JobStatus, ...JobStatus[]];
const oneOf = <const Names extends [string, ...string[]]>(names: Names) =>
  z.enum(names, { error: `expected one of ${names.join(', ')}` });
const name = z
  .string({ error: 'expected one text' })
  .refine((text) => !text.includes('\0'), 'expected no NUL');
const date = textOf(parseDate, 'a date like 2026-11-22T08:00:00Z');

const parseLimit = (text: string): number | undefined => {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= MAX_PAGE ? limit : undefined;
};

/** The query of `GET jobs`; without any of these all jobs are listed, oldest first. Unknown parameters are ignored. */
export const jobListQuerySchema = z.object({
  status: oneOf(statuses).optional(),
  command: name.optional().describe('exactly this command'),
  user: name.optional().describe('who started the job'),
  node: name.optional().describe('a node that the job is, or was, for'),
  since: date.optional().describe('created then or later'),
  until: date.optional().describe('created earlier than that'),
  order: oneOf(['oldest', 'newest']).optional().describe('which come first'),
  limit: textOf(parseLimit, `a whole number from 1 to ${MAX_PAGE}`)
    .optional()
    .describe('jobs in one answer; its Link header tells where the next ones are'),
  cursor: textOf(parseCursor, 'the cursor of a Link header').optional(),
});

export type JobListQuery = z.infer<typeof jobListQuerySchema>;

/** Reads a query as it came; the error is a text for the user that names the parameter and what it may be. */
export const readJobListQuery = (query: unknown): Result<JobListQuery, string> => {
  const parsed = jobListQuerySchema.safeParse(query);
  if (parsed.success) return ok(parsed.data);
  const [issue] = parsed.error.issues;
  return err(`invalid value supplied for ${issue?.path.join('.') ?? 'the query'} (${issue?.message ?? ''})`);
};
