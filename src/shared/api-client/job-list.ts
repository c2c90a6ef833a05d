import { z } from 'zod';
import { given } from '../lib/omit-undefined.js';
import { ok, type Result } from '../lib/result.js';
import type { JobStatus } from '../protocol/job-status.js';
import { type JobSummary, jobSummarySchema } from '../protocol/rest-schemas.js';
import type { ApiError } from './api-error.js';
import type { RestCaller } from './rest-caller.js';

/** Which jobs are listed, and in which order; what is left out does not matter. */
export interface JobFilter {
  readonly status?: JobStatus;
  /** Exactly this command. */
  readonly command?: string;
  /** Who started it. */
  readonly user?: string;
  /** A node that it is, or was, for. */
  readonly node?: string;
  /** Created then or later. */
  readonly since?: Date;
  /** Created earlier than that. */
  readonly until?: Date;
  /** Default: the oldest come first. */
  readonly newestFirst?: boolean;
  /** From 1 to 1000; by default all come at once. */
  readonly limit?: number;
  /** Go on where another page ended. */
  readonly cursor?: string;
}

/** A part of a list of jobs. */
export interface JobsPage {
  readonly jobs: JobSummary[];
  /** Where the next page begins; left out on the last. */
  readonly next?: string;
}

const NEXT_LINK = /<([^>]+)>; rel="next"/;

const queryOf = ({ since, until, newestFirst = false, limit, ...texts }: JobFilter): string => {
  const parameters = given({
    ...texts,
    since: since?.toISOString(),
    until: until?.toISOString(),
    limit: limit?.toString(),
    order: newestFirst ? 'newest' : undefined,
  });
  const query = new URLSearchParams(parameters).toString();
  return query === '' ? '' : `?${query}`;
};

/** Reads the jobs that a filter lets pass, as many as its limit says. */
export const readJobsPage = async (
  rest: RestCaller,
  filter: JobFilter,
): Promise<Result<JobsPage, ApiError>> => {
  const answer = await rest.jsonWithHeaders(z.array(jobSummarySchema), {
    path: `pushy/jobs${queryOf(filter)}`,
  });
  if (!answer.ok) return answer;
  const { body: jobs, headers } = answer.value;
  const [, address] = NEXT_LINK.exec(String(headers.link)) ?? [];
  const next = address === undefined ? null : new URL(address).searchParams.get('cursor');
  return ok({ jobs, ...(next === null ? {} : { next }) });
};
