import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../../shared/lib/app-error.js';
import type { Requestor } from './auth.port.js';

/** Injects the `Requestor` into a handler of a protected route. */
export const CurrentRequestor = createParamDecorator(
  (_data: unknown, context: ExecutionContext): Requestor => {
    const { requestor, routeOptions } = context.switchToHttp().getRequest<FastifyRequest>();
    if (requestor === undefined) {
      throw new AppError('route_unprotected', `${routeOptions.url ?? ''} needs @Protected`);
    }
    return requestor;
  },
);
