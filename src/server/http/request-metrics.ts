import type { FastifyInstance } from 'fastify';
import { Histogram, type Registry } from 'prom-client';

/** Upper bounds in seconds: from a response out of memory to a slow Chef Server. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Counts and times all requests by method, route and status. The label of a route is its pattern, never the path, so
 * that requests cannot create more and more series.
 */
export const measureRequests = (fastify: FastifyInstance, registry: Registry): void => {
  const durations = new Histogram({
    name: 'push_jobs_http_request_duration_seconds',
    help: 'Requests by method, route and status; a feed request lasts until its reader leaves',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers: [registry],
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const { url = '', config } = request.routeOptions;
    const isServed = !request.is404 && config.allow === undefined;
    durations.observe(
      {
        method: isServed ? request.method : 'other',
        route: request.is404 ? 'none' : url,
        status: reply.statusCode,
      },
      reply.elapsedTime / 1000,
    );
    done();
  });
};
