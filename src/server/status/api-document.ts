import { z } from 'zod';
import type { Right } from '../auth/auth.port.js';
import type { ResponseDoc, RouteDoc } from '../http/route-doc.js';
import { errorSchema } from '../../shared/protocol/rest-schemas.js';

/** A route that the server serves. */
export interface DocumentedRoute {
  readonly method: string;
  /** Parameters look like `:id`. */
  readonly url: string;
  readonly doc: RouteDoc;
  /** The required right; undefined if the route needs no authentication. */
  readonly right: Right | undefined;
}

type Json = Record<string, unknown>;

const RIGHTS: Readonly<Record<Right, string>> = {
  read: 'For members of pushy_job_readers; if that group does not exist, for all members of the organization.',
  write: 'For members of pushy_job_writers; if that group does not exist, for members of admins.',
  config: 'For the node itself, and for users with the right to read.',
};

const rejection = (description: string): ResponseDoc => ({ description, schema: errorSchema });

/** The responses that every route with authentication may give. */
const REJECTIONS: Readonly<Record<number, ResponseDoc>> = {
  400: rejection('the request is invalid'),
  401: rejection('the signature, the requestor or the timestamp is wrong'),
  403: rejection('the requestor is not associated with the organization, or lacks the right'),
  404: rejection('the organization does not exist'),
  406: rejection('the resource has no form that Accept allows'),
  413: rejection('the body is larger than 1,000,000 bytes'),
  415: rejection('the body is not JSON'),
  502: rejection('Chef Server gave no usable response; nothing was started'),
  503: rejection('the database is unavailable; nothing was started'),
};

/** The dialect is left out: OpenAPI 3.1 uses the same one by default. */
const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { io });
  return json;
};

const responseOf = ({ description, contentType = 'application/json', schema }: ResponseDoc): Json => ({
  description,
  content: { [contentType]: schema === undefined ? {} : { schema: schemaOf(schema, 'output') } },
});

const TEXT = { type: 'string' };

const parametersOf = (url: string, { query, headers = {} }: RouteDoc): Json[] => [
  ...Array.from(url.matchAll(/:(\w+)/g), ([, name]) => ({ name, in: 'path', required: true, schema: TEXT })),
  ...Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: !(schema as z.ZodType).safeParse(undefined).success,
    schema: schemaOf(schema as z.ZodType, 'input'),
  })),
  ...Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    description,
    schema: TEXT,
  })),
];

const bodyOf = (body: z.ZodType): Json => ({
  required: true,
  content: { 'application/json': { schema: schemaOf(body, 'input') } },
});

const operationOf = ({ url, doc, right }: DocumentedRoute): Json => {
  const responses = { ...(right === undefined ? {} : REJECTIONS), ...doc.responses };
  return {
    summary: doc.summary,
    ...(right === undefined ? { security: [] } : { description: RIGHTS[right] }),
    parameters: parametersOf(url, doc),
    ...(doc.body === undefined ? {} : { requestBody: bodyOf(doc.body) }),
    responses: Object.fromEntries(
      Object.entries(responses).map(([status, response]) => [status, responseOf(response)]),
    ),
  };
};

/** Returns the OpenAPI 3.1 document of these routes. */
export const apiDocument = (routes: readonly DocumentedRoute[]): Json => {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.url.replaceAll(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Push Jobs for Chef',
      version: '1',
      description:
        "Requests are signed with Chef's X-Ops-… headers, version 1.0 to 1.3. All other methods get 405.",
    },
    security: [{ chefSignature: [] }],
    components: {
      securitySchemes: {
        chefSignature: {
          type: 'apiKey',
          in: 'header',
          name: 'X-Ops-Authorization-1',
          description: 'the first line of the signature; the other X-Ops-… headers go with it',
        },
      },
    },
    paths,
  };
};
