import { z } from 'zod';
import { err, ok, type Result } from '../lib/result.js';
import { JOB_STATUS_CODES, type JobStatus } from './job-status.js';
import { parseRfc1123 } from './wire-time.js';

/** The largest page of `GET jobs`. */
export const MAX_PAGE = 1000;

/**
 * The position of a job in a list: its creation time in microseconds since 1970, and its id. The time is null if it is
 * unknown (an old server can have left such jobs); these jobs count as newer than all others.
 */
export interface JobListPosition {
  readonly createdAtMicros: string | null;
  readonly id: string;
}

const UNDATED = 'undated';
const POSITION = new RegExp(`^(\\d{1,17}|${UNDATED})\\.([0-9a-f]{32})$`);

/** Formats a position as a cursor, which is opaque to users. */
export const formatCursor = ({ createdAtMicros, id }: JobListPosition): string =>
  Buffer.from(`${createdAtMicros ?? UNDATED}.${id}`).toString('base64url');

const parseCursor = (cursor: string): JobListPosition | undefined => {
  const [, at, id] = POSITION.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (at === undefined || id === undefined) return undefined;
  return { createdAtMicros: at === UNDATED ? null : at, id };
};

const isoDate = z.iso.datetime({ offset: true });

/** Parses ISO 8601 and RFC 1123 dates to milliseconds since 1970. */
const parseDate = (text: string): number | undefined =>
  isoDate.safeParse(text).success ? Date.parse(text) : parseRfc1123(text);

/** Schema of a text that `parse` accepts. */
const parsedText = <T>(parse: (text: string) => T | undefined, expected: string) =>
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
const date = parsedText(parseDate, 'a date like 2026-11-22T08:00:00Z');

const parseLimit = (text: string): number | undefined => {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= MAX_PAGE ? limit : undefined;
};

/** The query of `GET jobs`. Without parameters it lists all jobs, oldest first; unknown parameters are ignored. */
export const jobListQuerySchema = z.object({
  status: oneOf(statuses).optional(),
  command: name.optional().describe('exactly this command'),
  user: name.optional().describe('who started the job'),
  node: name.optional().describe('a node that the job is, or was, for'),
  since: date.optional().describe('created then or later'),
  until: date.optional().describe('created earlier'),
  order: oneOf(['oldest', 'newest']).optional().describe('which come first'),
  limit: parsedText(parseLimit, `a whole number from 1 to ${MAX_PAGE}`)
    .optional()
    .describe('jobs per page; the Link header names the next page'),
  cursor: parsedText(parseCursor, 'the cursor of a Link header').optional(),
});

export type JobListQuery = z.infer<typeof jobListQuerySchema>;

/** Parses a query; the error is for the user and names the parameter and its valid values. */
export const parseJobListQuery = (query: unknown): Result<JobListQuery, string> => {
  const parsed = jobListQuerySchema.safeParse(query);
  if (parsed.success) return ok(parsed.data);
  const [issue] = parsed.error.issues;
  return err(`invalid value supplied for ${issue?.path.join('.') ?? 'the query'} (${issue?.message ?? ''})`);
};
