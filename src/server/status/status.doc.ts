import { z } from 'zod';
import type { RouteDoc } from '../http/route-doc.js';
import { serverHealthSchema, serverStatusSchema } from '../../shared/protocol/rest-schemas.js';

/** What the API document says of the routes about the server itself. */
export const statusDoc = {
  status: {
    summary: 'Says that the server lives',
    answers: { 200: { description: 'it does', schema: serverStatusSchema } },
  },
  health: {
    summary: 'Says whether the server can do its work',
    answers: {
      200: { description: 'it can', schema: serverHealthSchema },
      503: { description: 'it cannot, for these reasons', schema: serverHealthSchema },
    },
  },
  metrics: {
    summary: 'Gives the metrics of the server in the format of Prometheus',
    answers: { 200: { description: 'the metrics', type: 'text/plain' } },
  },
  openapi: {
    summary: 'Gives this document',
    answers: { 200: { description: 'OpenAPI 3.1', schema: z.looseObject({ openapi: z.string() }) } },
  },
} as const satisfies Record<string, RouteDoc>;
