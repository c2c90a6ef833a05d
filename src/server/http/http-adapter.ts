import { randomUUID } from 'node:crypto';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorAnswer, sendRefusal } from './error-answer.js';
import { HTTP_LIMITS, type HttpLimits } from './limits.js';
import { answerUnreadableRequest } from './unreadable-request.js';
import { NOT_FOUND } from './unserved-methods.js';

/**
 * The HTTP server below Nest, bounded in what a request may take. A path means the same with a trailing slash and with
 * runs of slashes; `HEAD` is not made up for routes that serve `GET`. Of the proxy in front the scheme is believed
 * (`X-Forwarded-Proto`).
 */
export const createHttpAdapter = (limits: HttpLimits = HTTP_LIMITS): FastifyAdapter =>
  new FastifyAdapter({
    exposeHeadRoutes: false,
    routerOptions: {
      ignoreTrailingSlash: true,
      ignoreDuplicateSlashes: true,
      // A path parameter is bounded by the size of the headers already.
      maxParamLength: limits.headerBytes,
    },
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    http: {
      // Node.js would answer such a request without a word; `refuseHost` has some.
      requireHostHeader: false,
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
    },
    trustProxy: true,
    genReqId: () => randomUUID(),
    clientErrorHandler: answerUnreadableRequest,
    // A path that cannot be decoded belongs to no route, so that no filter sees it.
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) =>
      sendRefusal(reply, errorAnswer(error) ?? NOT_FOUND),
  });
