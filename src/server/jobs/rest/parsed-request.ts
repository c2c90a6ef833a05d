import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../../../shared/lib/app-error.js';
import type { Result } from '../../../shared/lib/result.js';
import type { Rejection } from '../../http/rejected-request.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** What the `parse` option of the route's protection has made of the request. */
    parsed?: object;
  }
}

/**
 * Makes the `parse` option of `@Protected` from a parser whose error is a text for users. The handler gets the parsed
 * value by `@ParsedRequest()`.
 */
export const parseBy =
  (parser: (request: FastifyRequest) => Result<object, string>) =>
  (request: FastifyRequest): Rejection | undefined => {
    const parsed = parser(request);
    if (!parsed.ok) return { status: 400, error: parsed.error };
    request.parsed = parsed.value;
    return undefined;
  };

/** Injects the parsed value into a handler of a route that is protected with `parseBy`. */
export const ParsedRequest = createParamDecorator((_data: unknown, context: ExecutionContext): object => {
  const { parsed, routeOptions } = context.switchToHttp().getRequest<FastifyRequest>();
  if (parsed === undefined) {
    throw new AppError('route_unparsed', `${routeOptions.url ?? ''} needs @Protected with parseBy`);
  }
  return parsed;
});
