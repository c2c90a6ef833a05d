import { z } from 'zod';
import { omitUndefined } from '../lib/omit-undefined.js';
import { ok, type Result } from '../lib/result.js';
import type { JobStatus } from '../protocol/job-status.js';
import { type JobSummary, jobSummarySchema } from '../protocol/rest-schemas.js';
import type { ApiError } from './api-error.js';
import type { RestCaller } from './rest-caller.js';

/** Which jobs to list, and in which order; omitted members do not filter. */
export interface JobFilter {
  readonly status?: JobStatus;
  /** Exactly this command. */
  readonly command?: string;
  /** The user who started the job. */
  readonly user?: string;
  /** A node of the job. */
  readonly node?: string;
  /** Created then or later. */
  readonly since?: Date;
  /** Created earlier. */
  readonly until?: Date;
  /** Default: oldest first. */
  readonly newestFirst?: boolean;
  /** From 1 to 1000; default: all jobs. */
  readonly limit?: number;
  /** Continue after the page that returned this cursor. */
  readonly cursor?: string;
}

/** A page of a list of jobs. */
export interface JobsPage {
  readonly jobs: JobSummary[];
  /** Cursor of the next page; undefined on the last one. */
  readonly next?: string;
}

const NEXT_LINK = /<([^>]+)>; rel="next"/;

const queryOf = ({ since, until, newestFirst = false, limit, ...texts }: JobFilter): string => {
  const parameters = omitUndefined({
    ...texts,
    since: since?.toISOString(),
    until: until?.toISOString(),
    limit: limit?.toString(),
    order: newestFirst ? 'newest' : undefined,
  });
  const query = new URLSearchParams(parameters).toString();
  return query === '' ? '' : `?${query}`;
};

/** Reads one page of the jobs that match a filter. */
export const readJobsPage = async (
  rest: RestCaller,
  filter: JobFilter,
): Promise<Result<JobsPage, ApiError>> => {
  const response = await rest.jsonWithHeaders(z.array(jobSummarySchema), {
    path: `pushy/jobs${queryOf(filter)}`,
  });
  if (!response.ok) return response;
  const { body: jobs, headers } = response.value;
  const [, nextUrl] = NEXT_LINK.exec(String(headers.link)) ?? [];
  const next = nextUrl === undefined ? null : new URL(nextUrl).searchParams.get('cursor');
  return ok({ jobs, ...(next === null ? {} : { next }) });
};
