import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseSignedHeaders } from '../../src/shared/protocol/chef-signature/signed-headers.js';
import { verifyRequest } from '../../src/shared/protocol/chef-signature/verify-request.js';

/** A received request with a valid signature. */
export interface StubRequest {
  readonly method: string;
  /** Path below the organization without the query: `pushy/jobs`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** The parsed JSON body; undefined if there is none. */
  readonly body: unknown;
}

/** A response of the stub. */
export interface StubResponse {
  readonly status?: number;
  readonly json?: unknown;
  readonly bytes?: Uint8Array;
  /** Target of a redirect. */
  readonly location?: string;
  /** Text of a feed. */
  readonly feed?: string;
  /** What happens after the feed's text: it ends (default), the connection breaks, or it stays open. */
  readonly then?: 'end' | 'break' | 'hold';
}

export type StubHandler = (request: StubRequest) => StubResponse | Promise<StubResponse>;

/**
 * A stub of a Chef Server with Push Jobs for the organization `acme` and one user. It verifies signatures with the
 * product's verifier and responds as the test says; all other requests get 404. Close it at the end.
 */
export class StubPushyServer {
  /** Requests with a valid signature, in order. */
  readonly requests: StubRequest[] = [];
  private readonly handlers = new Map<string, StubHandler>();

  private readonly server: Server;

  constructor(
    private readonly user: string,
    private readonly publicKey: KeyObject,
  ) {
    this.server = createServer((request, response) => void this.serve(request, response));
  }

  /** Creates a stub that listens. */
  static async start(user: string, publicKey: KeyObject): Promise<StubPushyServer> {
    const stub = new StubPushyServer(user, publicKey);
    await stub.listen();
    return stub;
  }

  /** Listens on a free port of 127.0.0.1. */
  async listen(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  /** The setting `chef_server_url`. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/organizations/acme`;
  }

  /** Sets the responses of a route like `GET pushy/jobs`: one for each request in turn; the last one is repeated. */
  on(route: string, ...responses: (StubResponse | StubHandler)[]): this {
    let next = 0;
    this.handlers.set(route, (request) => {
      const response = responses[Math.min(next++, responses.length - 1)]!;
      return typeof response === 'function' ? response(request) : response;
    });
    return this;
  }

  /** Requests of a route so far. */
  requestsOf(route: string): StubRequest[] {
    return this.requests.filter(({ method, path }) => `${method} ${path}` === route);
  }

  /** Forgets all responses and requests. */
  reset(): void {
    this.handlers.clear();
    this.requests.length = 0;
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { pathname, searchParams } = new URL(message.url!, 'http://stub');
    if (!this.isSigned(message, body)) {
      send(response, {
        status: 401,
        json: { error: [`Invalid signature for user or client '${this.user}'`] },
      });
      return;
    }
    const request: StubRequest = {
      method: message.method!,
      path: decodeURIComponent(pathname.replace(/^\/organizations\/acme\//, '')),
      query: searchParams,
      headers: message.headers,
      body: body.length === 0 ? undefined : JSON.parse(body.toString('utf8')),
    };
    this.requests.push(request);
    const handler = this.handlers.get(`${request.method} ${request.path}`);
    send(response, handler === undefined ? NOT_FOUND : await handler(request));
  }

  private isSigned(message: IncomingMessage, body: Buffer): boolean {
    const headers = parseSignedHeaders(message.headers, Date.now());
    if (!headers.ok || headers.value.userId !== this.user) return false;
    return verifyRequest(
      headers.value,
      { method: message.method!, path: message.url!, body },
      this.publicKey,
    );
  }
}

const NOT_FOUND: StubResponse = { status: 404, json: { error: ['not found'] } };

const send = (response: ServerResponse, stubbed: StubResponse): void => {
  const { status = 200, json, bytes, location, feed, then = 'end' } = stubbed;
  if (feed === undefined) {
    response.writeHead(status, {
      'content-type': bytes === undefined ? 'application/json' : 'application/octet-stream',
      ...(location === undefined ? {} : { location }),
    });
    response.end(bytes ?? JSON.stringify(json));
    return;
  }
  response.writeHead(status, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
  response.flushHeaders();
  response.write(feed, () => {
    if (then === 'end') response.end();
    if (then === 'break') response.destroy();
  });
};
