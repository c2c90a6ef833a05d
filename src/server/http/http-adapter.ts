import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { toRejection, sendRejection } from './error-response.js';
import { HTTP_LIMITS, type HttpLimits } from './limits.js';
import { oneRequestAtATime } from './one-request-at-a-time.js';
import { rejectUnreadableRequest } from './unreadable-request.js';
import { NOT_FOUND } from './method-not-allowed.js';

/**
 * Creates the HTTP server below Nest, with limits on each request. Trailing and repeated slashes in a path are ignored.
 * Routes for `GET` do not serve `HEAD`. The scheme of a request is that of the proxy in front (`X-Forwarded-Proto`).
 */
export const createHttpAdapter = (limits: HttpLimits = HTTP_LIMITS): FastifyAdapter =>
  new FastifyAdapter({
    exposeHeadRoutes: false,
    routerOptions: {
      ignoreTrailingSlash: true,
      ignoreDuplicateSlashes: true,
      // The size of the headers already limits a path parameter.
      maxParamLength: limits.headerBytes,
    },
    bodyLimit: limits.bodyBytes,
    serverFactory: (handler: RequestListener) =>
      createServer(
        {
          // Node.js would reject such a request without a text; `rejectInvalidHost` has one.
          requireHostHeader: false,
          maxHeaderSize: limits.headerBytes,
          headersTimeout: limits.headersTimeoutMs,
          requestTimeout: limits.requestTimeoutMs,
          keepAliveTimeout: limits.keepAliveTimeoutMs,
          connectionsCheckingInterval: limits.checkIntervalMs,
        },
        oneRequestAtATime(handler),
      ),
    trustProxy: true,
    genReqId: () => randomUUID(),
    clientErrorHandler: rejectUnreadableRequest,
    // A path that cannot be decoded matches no route, so no exception filter sees it.
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) =>
      sendRejection(reply, toRejection(error) ?? NOT_FOUND),
  });
