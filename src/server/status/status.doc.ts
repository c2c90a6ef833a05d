import { z } from 'zod';
import type { RouteDoc } from '../http/route-doc.js';
import { serverHealthSchema, serverStatusSchema } from '../../shared/protocol/rest-schemas.js';

/** Documentation of the routes about the server itself. */
export const statusDoc = {
  status: {
    summary: 'Returns that the server runs',
    responses: { 200: { description: 'the server runs', schema: serverStatusSchema } },
  },
  health: {
    summary: 'Returns whether the server is ready',
    responses: {
      200: { description: 'the server is ready', schema: serverHealthSchema },
      503: { description: 'the server is not ready, for these reasons', schema: serverHealthSchema },
    },
  },
  metrics: {
    summary: 'Returns the metrics of the server in the Prometheus text format',
    responses: { 200: { description: 'the metrics', contentType: 'text/plain' } },
  },
  openapi: {
    summary: 'Returns this document',
    responses: { 200: { description: 'OpenAPI 3.1', schema: z.looseObject({ openapi: z.string() }) } },
  },
} as const satisfies Record<string, RouteDoc>;
