import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readSignedHeaders } from '../../src/shared/protocol/chef-signature/signed-headers.js';
import { verifyRequest } from '../../src/shared/protocol/chef-signature/verify-request.js';

/** A request that came, signature verified. */
export interface StubRequest {
  readonly method: string;
  /** Below the organization, without the query: `pushy/jobs`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** The JSON that was sent; undefined where none was. */
  readonly body: unknown;
}

/** What the double answers with. */
export interface StubAnswer {
  readonly status?: number;
  readonly json?: unknown;
  readonly bytes?: Uint8Array;
  /** Where else to ask. */
  readonly location?: string;
  /** A feed: this text; it then ends, breaks off in the middle, or stays open. */
  readonly feed?: string;
  readonly then?: 'end' | 'break' | 'hold';
}

export type StubHandler = (request: StubRequest) => StubAnswer | Promise<StubAnswer>;

/**
 * A test double of a Chef Server with Push Jobs, for one organization `acme` and one user: it verifies signatures
 * with the product's own verifier and answers what the test tells it to; anything else is 404. Close it at the end.
 */
export class StubPushyServer {
  /** What came and was properly signed, in order. */
  readonly requests: StubRequest[] = [];
  private readonly handlers = new Map<string, StubHandler>();

  private constructor(
    private readonly server: Server,
    private readonly user: string,
    private readonly publicKey: KeyObject,
  ) {}

  static async start(user: string, publicKey: KeyObject): Promise<StubPushyServer> {
    const server = createServer();
    const stub = new StubPushyServer(server, user, publicKey);
    server.on('request', (request, response) => void stub.serve(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return stub;
  }

  /** As `chef_server_url` has it. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/organizations/acme`;
  }

  /** Sets the answer of a route like `GET pushy/jobs`; several answers are given one after the other, the last for good. */
  on(route: string, ...answers: (StubAnswer | StubHandler)[]): this {
    let next = 0;
    this.handlers.set(route, (request) => {
      const answer = answers[Math.min(next++, answers.length - 1)]!;
      return typeof answer === 'function' ? answer(request) : answer;
    });
    return this;
  }

  /** The requests of a route so far. */
  requestsOf(route: string): StubRequest[] {
    return this.requests.filter(({ method, path }) => `${method} ${path}` === route);
  }

  /** Forgets all answers and requests. */
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
    const headers = readSignedHeaders(message.headers, Date.now());
    if (!headers.ok || headers.value.userId !== this.user) return false;
    return verifyRequest(
      headers.value,
      { method: message.method!, path: message.url!, body },
      this.publicKey,
    );
  }
}

const NOT_FOUND: StubAnswer = { status: 404, json: { error: ['not found'] } };

const send = (response: ServerResponse, answer: StubAnswer): void => {
  const { status = 200, json, bytes, location, feed, then = 'end' } = answer;
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
