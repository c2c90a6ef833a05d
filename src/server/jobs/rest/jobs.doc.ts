import { z } from 'zod';
import type { RouteDoc } from '../../http/route-doc.js';
import { jobListQuerySchema } from '../../../shared/protocol/job-list-query.js';
import {
  dryRunSchema,
  errorSchema,
  jobCreatedSchema,
  jobRequestSchema,
  jobSchema,
  jobSummarySchema,
} from '../../../shared/protocol/rest-schemas.js';

const flag = z.enum(['true', 'false']).optional();
const unknownJob = { description: 'the organization has no such job', schema: errorSchema };

/** What the API document says of the routes below `jobs`. */
export const jobsDoc = {
  list: {
    summary: 'Lists the jobs of the organization, oldest first; by filters, in pages',
    query: jobListQuerySchema,
    answers: {
      200: { description: 'a Link header tells where the next page is', schema: z.array(jobSummarySchema) },
    },
  },
  start: {
    summary: 'Starts a job',
    headers: { 'Idempotency-Key': 'the same request with the same key never starts a second job, for a day' },
    body: jobRequestSchema,
    answers: {
      201: { description: 'the job is stored and its nodes are asked', schema: jobCreatedSchema },
      200: { description: 'the answer to dry_run: nothing was started', schema: dryRunSchema },
      422: { description: 'the Idempotency-Key came before with another body', schema: errorSchema },
    },
  },
  find: {
    summary: 'Shows a job with its nodes by status',
    query: z.object({ include_file: flag, details: flag }),
    answers: { 200: { description: 'the job', schema: jobSchema }, 404: unknownJob },
  },
  abort: {
    summary: 'Ends a job on all its nodes',
    answers: {
      200: { description: 'the job as it ended', schema: jobSchema },
      404: unknownJob,
      409: { description: 'it had ended before', schema: errorSchema },
      503: { description: 'it is ending, or the error says that nothing was done', schema: errorSchema },
    },
  },
  output: {
    summary: 'Hands out what the command wrote on a node',
    answers: {
      200: { description: 'the bytes', type: 'application/octet-stream' },
      404: { description: 'nothing was captured', schema: errorSchema },
    },
  },
} as const satisfies Record<string, RouteDoc>;
