import type { Server } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { LOGGER } from '../config/config.module.js';
import { HttpErrorFilter } from './http-error.filter.js';
import { BODY_TOO_LARGE, CLOSE_GRACE_MS } from './limits.js';
import { RejectedRequest } from './rejected-request.js';
import { measureRequests } from './request-metrics.js';
import { rejectInvalidHost, rejectTransferCoding } from './request-origin.js';
import { addMethodNotAllowedRoutes, collectPaths, rejectUnserved } from './method-not-allowed.js';

/**
 * Prepares and initializes an application that was created on `createHttpAdapter()`. Handlers get the bodies of every
 * content type as a Buffer, 404 and 405 come before every other check, and all errors are JSON. Call it once, instead of
 * `app.init()`.
 */
export const setUpHttp = async (app: NestFastifyApplication): Promise<void> => {
  const adapter = app.getHttpAdapter();
  const fastify = adapter.getInstance();
  const { bodyLimit = 0 } = fastify.initialConfig;
  const paths = collectPaths(fastify);

  measureRequests(fastify, app.get(Registry));
  fastify.removeAllContentTypeParsers();
  app.useBodyParser('*', { bodyLimit });
  fastify.addHook('onRequest', (request, _reply, done) =>
    done(rejectUnserved(request) ?? rejectInvalidHost(request) ?? rejectTransferCoding(request)),
  );
  // By default Node.js rejects a request with an unknown `Expect` header itself, without a text.
  fastify.server.on('checkExpectation', (request, response) =>
    fastify.server.emit('request', request, response),
  );
  // This runs after the hooks that verify headers and before the body is read.
  fastify.addHook('preParsing', (request, _reply, _payload, done) =>
    done(rejectDeclaredSize(request, bodyLimit)),
  );

  fastify.addHook('preClose', (done) => {
    closeRemainingConnections(fastify.server);
    done();
  });

  app.useGlobalFilters(new HttpErrorFilter(app.get<Logger>(LOGGER).child({ scope: 'http' })));
  await app.init();
  addMethodNotAllowedRoutes(fastify, paths);
  await fastify.ready();
};

/**
 * Closes the connections that are still open after the grace period. Node.js does not count a connection without a
 * request as idle, so a server that closes would wait for it forever.
 */
const closeRemainingConnections = (server: Server): void => {
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  server.once('close', () => clearTimeout(timer));
};

/** Rejects a body by its Content-Length, so that the sender gets the response before the body is read. */
const rejectDeclaredSize = (request: FastifyRequest, limit: number): RejectedRequest | undefined =>
  Number(request.headers['content-length'] ?? 0) > limit
    ? new RejectedRequest({ status: 413, error: BODY_TOO_LARGE })
    : undefined;
