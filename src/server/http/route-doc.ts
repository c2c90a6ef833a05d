import { RouteConfig } from '@nestjs/platform-fastify';
import type { z } from 'zod';

/** One response of a route in the API document. */
export interface ResponseDoc {
  readonly description: string;
  /** Default `application/json`. */
  readonly contentType?: string;
  /** Schema of a JSON body; undefined if the body is not JSON. */
  readonly schema?: z.ZodType;
}

/** The description of a route in the API document. */
export interface RouteDoc {
  readonly summary: string;
  readonly query?: z.ZodObject;
  /** Request headers that only this route uses, with their descriptions. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType;
  /** The responses of this route by status; the document adds those that all routes share. */
  readonly responses: Readonly<Record<number, ResponseDoc>>;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the API document contains about the route. */
    doc?: RouteDoc;
  }
}

/** Documents a route without authentication. */
export const Documented = (doc: RouteDoc): MethodDecorator => RouteConfig({ doc });
