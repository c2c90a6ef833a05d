import { z } from 'zod';
import type { RouteDoc } from '../http/route-doc.js';
import { errorSchema } from '../../shared/protocol/rest-schemas.js';

const headers = { 'Last-Event-ID': 'go on after this event' };
const events = { description: 'Server-Sent Events', type: 'text/event-stream' };

/** What the API document says of the feeds. */
export const feedsDoc = {
  org: {
    summary: 'Tells when jobs of the organization begin and end, as it happens',
    headers,
    answers: { 200: events },
  },
  job: {
    summary: 'Tells what happens to a job, from its start to its end; with output, also what its nodes write',
    query: z.object({
      output: z
        .enum(['true', 'false'])
        .optional()
        .describe(
          'adds events without an id: output_open first, then output with node, stream, chunk (from 1 for each node), skipped (bytes let go before it) and data (base64), while commands run and only of jobs with capture_output',
        ),
    }),
    headers,
    answers: { 200: events, 404: { description: 'the organization has no such job', schema: errorSchema } },
  },
} as const satisfies Record<string, RouteDoc>;
