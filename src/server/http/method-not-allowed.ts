import { METHODS } from 'node:http';
import type { FastifyInstance, FastifyRequest, HTTPMethods } from 'fastify';
import { type Rejection, RejectedRequest } from './rejected-request.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The methods that the path serves; set only on routes that reject all other methods. */
    allow?: string;
  }
}

/** `CONNECT` never reaches a route: Node.js closes the connection. */
const ALL_METHODS = METHODS.filter((method) => method !== 'CONNECT') as HTTPMethods[];

/** The rejection of a path that no route serves. */
export const NOT_FOUND: Rejection = { status: 404, error: ['there is no such resource'] };

/** Rejects a request if no route serves its path, or its method on that path. */
export const rejectUnserved = (request: FastifyRequest): RejectedRequest | undefined => {
  if (request.is404) return new RejectedRequest(NOT_FOUND);
  const { allow } = request.routeOptions.config;
  if (allow === undefined) return undefined;
  return new RejectedRequest({
    status: 405,
    error: [`${request.method} is not allowed here, only ${allow}`],
    headers: { Allow: allow },
  });
};

/** Enables all methods, and returns a set that collects the path of each route added from now on. */
export const collectPaths = (fastify: FastifyInstance): ReadonlySet<string> => {
  for (const method of ALL_METHODS) {
    if (!fastify.supportedMethods.includes(method)) fastify.addHttpMethod(method, { hasBody: true });
  }
  const paths = new Set<string>();
  fastify.addHook('onRoute', ({ url }) => {
    paths.add(url);
  });
  return paths;
};

/** Adds a route for the unserved methods of each path, which `rejectUnserved` rejects; call it after all other routes. */
export const addMethodNotAllowedRoutes = (fastify: FastifyInstance, paths: ReadonlySet<string>): void => {
  for (const url of [...paths]) {
    const isServed = (method: HTTPMethods): boolean => fastify.hasRoute({ url, method });
    const allow = ALL_METHODS.filter(isServed).sort().join(', ');
    const method = ALL_METHODS.filter((name) => !isServed(name));
    // A hook with `rejectUnserved` ends the request before the handler.
    fastify.route({ url, method, config: { allow }, handler: () => Promise.resolve() });
  }
};
