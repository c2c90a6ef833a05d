import { z } from 'zod';
import type { Right } from '../auth/auth.port.js';
import type { AnswerDoc, RouteDoc } from '../http/route-doc.js';
import { errorSchema } from '../../shared/protocol/rest-schemas.js';

/** A route as it is served. */
export interface DocumentedRoute {
  readonly method: string;
  /** With parameters like `:id`. */
  readonly url: string;
  readonly doc: RouteDoc;
  /** The right that it asks for; undefined where anybody may ask. */
  readonly right: Right | undefined;
}

type Json = Record<string, unknown>;

const RIGHTS: Readonly<Record<Right, string>> = {
  read: 'For members of pushy_job_readers; where there is no such group, for all of the organization.',
  write: 'For members of pushy_job_writers; where there is no such group, for administrators.',
  config: 'For the node itself, and for users who may read.',
};

const refusal = (description: string): AnswerDoc => ({ description, schema: errorSchema });

/** What every route may answer that judges who asks. */
const REFUSALS: Readonly<Record<number, AnswerDoc>> = {
  400: refusal('the request is not formed as it must be'),
  401: refusal('the signature, the name behind it or its time is wrong'),
  403: refusal('the asker is not of the organization, or may not do that'),
  404: refusal('there is no such organization'),
  406: refusal('the resource cannot be had as Accept asks'),
  413: refusal('the body is larger than 1,000,000 bytes'),
  415: refusal('the body is not JSON'),
  502: refusal('the Chef Server gave no usable answer; nothing was started'),
  503: refusal('the database cannot be used right now; nothing was started'),
};

/** zod's JSON Schema is of the dialect that OpenAPI 3.1 has by default, so it need not be named. */
const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { io });
  return json;
};

const answerOf = ({ description, type = 'application/json', schema }: AnswerDoc): Json => ({
  description,
  content: { [type]: schema === undefined ? {} : { schema: schemaOf(schema, 'output') } },
});

const pathParameters = (url: string): Json[] =>
  Array.from(url.matchAll(/:(\w+)/g), ([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));

const queryParameters = (query: z.ZodObject | undefined): Json[] =>
  Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: !(schema as z.ZodType).safeParse(undefined).success,
    schema: schemaOf(schema as z.ZodType, 'input'),
  }));

const headerParameters = (headers: RouteDoc['headers'] = {}): Json[] =>
  Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }));

const operationOf = ({ url, doc, right }: DocumentedRoute): Json => {
  const answers = { ...(right === undefined ? {} : REFUSALS), ...doc.answers };
  return {
    summary: doc.summary,
    ...(right === undefined ? { security: [] } : { description: RIGHTS[right] }),
    parameters: [...pathParameters(url), ...queryParameters(doc.query), ...headerParameters(doc.headers)],
    ...(doc.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(doc.body, 'input') } },
          },
        }),
    responses: Object.fromEntries(
      Object.entries(answers).map(([status, answer]) => [status, answerOf(answer)]),
    ),
  };
};

/** The OpenAPI 3.1 document of these routes. */
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
        "Requests are signed with Chef's X-Ops-… headers, version 1.0 to 1.3. Other methods than those here are 405.",
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
