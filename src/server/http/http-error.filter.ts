import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { messageOf } from '../../shared/lib/app-error.js';
import { toRejection, sendRejection } from './error-response.js';
import type { Rejection } from './rejected-request.js';

/**
 * Turns every error into a response: JSON with `error`, never a stack trace. An internal error is logged under the
 * request id that the response names.
 */
@Catch()
export class HttpErrorFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const rejection = toRejection(thrown);
    if (rejection === undefined) {
      this.logger.error({ err: thrown, request: request.id, method: request.method }, 'a request failed');
    }
    if (rejection?.status === 503) {
      this.logger.warn(
        { reason: messageOf(thrown), request: request.id },
        'rejected a request: the database is unavailable',
      );
    }
    if (reply.raw.headersSent) {
      reply.raw.destroy(); // a response that has begun cannot be replaced, only cut off
      return;
    }
    sendRejection(reply, rejection ?? internalError(request.id));
  }
}

const internalError = (requestId: string): Rejection => ({
  status: 500,
  error: [`internal error; the server's log tells more under request ${requestId}`],
});
