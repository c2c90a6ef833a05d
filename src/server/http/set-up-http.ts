import type { Server } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { LOGGER, METRICS } from '../config/config.module.js';
import { HttpErrorFilter } from './http-error.filter.js';
import { BODY_TOO_LARGE, CLOSE_WITHIN_MS } from './limits.js';
import { RefusedRequest } from './refused-request.js';
import { measureRequests } from './request-metrics.js';
import { refuseHost } from './request-origin.js';
import { refuseUnserved, UnservedMethods } from './unserved-methods.js';

/**
 * Makes an application that stands on `createHttpAdapter()` ready to be served, and initializes it: bodies of every
 * type reach the handlers as a Buffer, 404 and 405 come before anything else is judged, and all errors are JSON. To be
 * called once, in place of `app.init()`.
 */
export const setUpHttp = async (app: NestFastifyApplication): Promise<void> => {
  const adapter = app.getHttpAdapter();
  const fastify = adapter.getInstance();
  const { bodyLimit = 0 } = fastify.initialConfig;
  const unserved = new UnservedMethods(fastify);

  measureRequests(fastify, app.get<Registry>(METRICS));
  fastify.removeAllContentTypeParsers();
  app.useBodyParser('*', { bodyLimit });
  fastify.addHook('onRequest', (request, _reply, done) =>
    done(refuseUnserved(request) ?? refuseHost(request)),
  );
  // Node.js itself would refuse it, without a word.
  fastify.server.on('checkExpectation', (request, response) =>
    fastify.server.emit('request', request, response),
  );
  // After the hooks that judge the headers, before anything is read.
  fastify.addHook('preParsing', (request, _reply, _payload, done) =>
    done(refuseDeclaredSize(request, bodyLimit)),
  );

  fastify.addHook('preClose', (done) => {
    closeLastConnections(fastify.server);
    done();
  });

  app.useGlobalFilters(new HttpErrorFilter(app.get<Logger>(LOGGER).child({ scope: 'http' })));
  await app.init();
  unserved.addRoutes();
  await fastify.ready();
};

/**
 * Node.js does not count a connection as idle on which nothing has been asked yet, and a server that closes would wait
 * for it without end.
 */
const closeLastConnections = (server: Server): void => {
  const farewell = setTimeout(() => server.closeAllConnections(), CLOSE_WITHIN_MS);
  server.once('close', () => clearTimeout(farewell));
};

/** A body that says of itself that it is too large is not read: its sender gets the answer at once. */
const refuseDeclaredSize = (request: FastifyRequest, limit: number): RefusedRequest | undefined =>
  Number(request.headers['content-length'] ?? 0) > limit
    ? new RefusedRequest({ status: 413, error: BODY_TOO_LARGE })
    : undefined;
