import { METHODS } from 'node:http';
import type { FastifyInstance, FastifyRequest, HTTPMethods, RouteOptions } from 'fastify';
import { type Refusal, RefusedRequest } from './refused-request.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set on a route that only says which methods its path does serve. */
    allow?: string;
  }
}

/** `CONNECT` never reaches a route: Node.js ends such a connection. */
const ALL_METHODS = METHODS.filter((method) => method !== 'CONNECT');

/** What a path that nobody serves is answered with. */
export const NOT_FOUND: Refusal = { status: 404, error: ['there is no such resource'] };

/** The refusal of a request whose path, or whose method on that path, nobody serves. */
export const refuseUnserved = (request: FastifyRequest): RefusedRequest | undefined => {
  if (request.is404) return new RefusedRequest(NOT_FOUND);
  const { allow } = request.routeOptions.config;
  if (allow === undefined) return undefined;
  return new RefusedRequest({
    status: 405,
    error: [`${request.method} is not allowed here, only ${allow}`],
    headers: { Allow: allow },
  });
};

/** Knows which methods each path serves, so that the others can be refused with 405 and `Allow`. */
export class UnservedMethods {
  private readonly served = new Map<string, Set<string>>();

  /** Collects the routes that are added to the instance from now on. */
  constructor(private readonly fastify: FastifyInstance) {
    for (const method of ALL_METHODS) {
      if (!fastify.supportedMethods.includes(method)) fastify.addHttpMethod(method, { hasBody: true });
    }
    fastify.addHook('onRoute', (route) => this.collect(route));
  }

  /** Adds, once all routes are there, one for the methods that are left on each path. */
  addRoutes(): void {
    for (const [url, served] of new Map(this.served)) {
      const method = ALL_METHODS.filter((name) => !served.has(name)) as HTTPMethods[];
      const allow = [...served].sort().join(', ');
      // A hook with `refuseUnserved` ends the request before a handler could run.
      this.fastify.route({ url, method, config: { allow }, handler: () => Promise.resolve() });
    }
  }

  private collect({ url, method }: RouteOptions): void {
    const served = this.served.get(url) ?? new Set();
    for (const name of [method].flat()) served.add(name);
    this.served.set(url, served);
  }
}
