import { z } from 'zod';
import type { RouteDoc } from '../../http/route-doc.js';
import { jobListQuerySchema } from '../../../shared/protocol/job-list-query.js';
import { jobRequestSchema } from '../../../shared/protocol/job-request.js';
import {
  dryRunSchema,
  errorSchema,
  jobCreatedSchema,
  jobSchema,
  jobSummarySchema,
} from '../../../shared/protocol/rest-schemas.js';

const flag = z.enum(['true', 'false']).optional();
const unknownJob = { description: 'the organization has no such job', schema: errorSchema };

/** The routes below `jobs` in the API document. */
export const jobsDoc = {
  list: {
    summary: 'Lists the jobs of the organization, oldest first; with filters and pages',
    query: jobListQuerySchema,
    responses: {
      200: { description: 'a Link header has the URL of the next page', schema: z.array(jobSummarySchema) },
    },
  },
  start: {
    summary: 'Starts a job',
    headers: { 'Idempotency-Key': 'for 24 hours, a repeated request with the same key starts no second job' },
    body: jobRequestSchema,
    responses: {
      201: { description: 'the job is stored and its nodes are asked', schema: jobCreatedSchema },
      200: { description: 'the result of dry_run: nothing was started', schema: dryRunSchema },
      422: { description: 'the Idempotency-Key was used with another body', schema: errorSchema },
    },
  },
  find: {
    summary: 'Shows a job with its nodes by status',
    query: z.object({ include_file: flag, details: flag }),
    responses: { 200: { description: 'the job', schema: jobSchema }, 404: unknownJob },
  },
  abort: {
    summary: 'Aborts a job on all its nodes',
    responses: {
      200: { description: 'the aborted job', schema: jobSchema },
      404: unknownJob,
      409: { description: 'the job had already ended', schema: errorSchema },
      503: { description: 'the job is ending, or the error says that nothing was done', schema: errorSchema },
    },
  },
  output: {
    summary: 'Returns the captured output of a node',
    responses: {
      200: { description: 'the bytes', contentType: 'application/octet-stream' },
      404: { description: 'there is no captured output', schema: errorSchema },
    },
  },
} as const satisfies Record<string, RouteDoc>;
