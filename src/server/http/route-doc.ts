import { RouteConfig } from '@nestjs/platform-fastify';
import type { z } from 'zod';

/** What one status of a route means. */
export interface AnswerDoc {
  readonly description: string;
  /** Default `application/json`. */
  readonly type?: string;
  /** The JSON of the answer; left out where it is none. */
  readonly schema?: z.ZodType;
}

/** What people and programs are told of a route in the API document. */
export interface RouteDoc {
  readonly summary: string;
  readonly query?: z.ZodObject;
  /** Headers of the request that are its own, and what they mean. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType;
  /** The answers that are its own, by status; those of all routes are added. */
  readonly answers: Readonly<Record<number, AnswerDoc>>;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Shown in the API document. */
    doc?: RouteDoc;
  }
}

/** Documents a route that anybody may ask. */
export const Documented = (doc: RouteDoc): MethodDecorator => RouteConfig({ doc });
