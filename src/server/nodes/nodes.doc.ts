import { z } from 'zod';
import type { RouteDoc } from '../http/route-doc.js';
import { configDocumentSchema } from '../../shared/protocol/config-document.js';
import {
  nodeAvailabilitySchema,
  nodeDetailSchema,
  nodeStateSchema,
} from '../../shared/protocol/rest-schemas.js';

const details = z.object({ details: z.enum(['true', 'false']).optional() });

/** Descriptions of the node routes in the API document. */
export const nodesDoc = {
  list: {
    summary: 'Lists the nodes that are not offline; with details, every node that was heard',
    query: details,
    responses: {
      200: { description: 'the nodes', schema: z.array(z.union([nodeDetailSchema, nodeAvailabilitySchema])) },
    },
  },
  one: {
    summary: 'Shows the state of a node; one that was never seen is offline',
    query: details,
    responses: { 200: { description: 'the node', schema: z.union([nodeDetailSchema, nodeStateSchema]) } },
  },
  config: {
    summary: 'Returns the config that a node needs to connect',
    query: z.object({ ccpk: z.string().describe('the Curve key of the client, Z85') }).loose(),
    responses: { 200: { description: 'the config', schema: configDocumentSchema } },
  },
} as const satisfies Record<string, RouteDoc>;
