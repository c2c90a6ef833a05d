import { z } from 'zod';
import type { RouteDoc } from '../http/route-doc.js';
import { errorSchema } from '../../shared/protocol/rest-schemas.js';

const headers = { 'Last-Event-ID': 'continue after this event' };
const events = { description: 'Server-Sent Events', contentType: 'text/event-stream' };

/** Descriptions of the feeds in the API document. */
export const feedsDoc = {
  org: {
    summary: 'Streams an event when a job of the organization starts or ends',
    headers,
    responses: { 200: events },
  },
  job: {
    summary:
      'Streams the events of a job from its start to its end; with output, also the output of its nodes',
    query: z.object({
      output: z
        .enum(['true', 'false'])
        .optional()
        .describe(
          'adds events without an id: output_open first, then output with node, stream, chunk (from 1 for each node), skipped (bytes dropped before it) and data (base64), while commands run and only for jobs with capture_output',
        ),
    }),
    headers,
    responses: { 200: events, 404: { description: 'the organization has no such job', schema: errorSchema } },
  },
} as const satisfies Record<string, RouteDoc>;
