import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { messageOf } from '../../shared/lib/app-error.js';
import { errorAnswer, sendRefusal } from './error-answer.js';
import type { Refusal } from './refused-request.js';

/**
 * The one place where errors become answers: always JSON with `error`, never a stack. A fault of the server is logged
 * under the id that its answer names.
 */
@Catch()
export class HttpErrorFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const answer = errorAnswer(thrown);
    if (answer === undefined) {
      this.logger.error({ err: thrown, request: request.id, method: request.method }, 'a request failed');
    }
    if (answer?.status === 503) {
      this.logger.warn({ reason: messageOf(thrown), request: request.id }, 'a request was put off');
    }
    if (reply.raw.headersSent) {
      reply.raw.destroy(); // an answer that has begun cannot be taken back, only cut off
      return;
    }
    sendRefusal(reply, answer ?? internalError(request.id));
  }
}

const internalError = (requestId: string): Refusal => ({
  status: 500,
  error: [`internal error; the server's log tells more under request ${requestId}`],
});
