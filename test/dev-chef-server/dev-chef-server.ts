import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Answer, type ChefRequest, refused } from './answers.js';
import { selfSignedCertificate } from './certificate.js';
import { ChefAdministration } from './chef-administration.js';
import { type ChefState, emptyState } from './chef-state.js';
import { type Fault, Faults } from './faults.js';
import { isForPushy, proxyToPushy } from './pushy-proxy.js';
import { answerRequest } from './routes.js';

/** How a development Chef Server is started. */
export interface DevChefServerOptions {
  /** TCP port of 127.0.0.1 (default: any that is free). */
  readonly port?: number;
  /** Where `/organizations/ORG/pushy/…` and `/pushy/…` are handed on to; can be set later, too. */
  readonly pushyUrl?: string;
  /** What it knows from the start (default: nothing but the superuser). */
  readonly state?: ChefState;
  /** Called after each change of the state. */
  readonly onChange?: (state: ChefState) => void;
  /** The superuser's private key, PEM (default: a new one, unless the state has the superuser). */
  readonly superuserKey?: string;
  /** Speak HTTPS with a certificate of its own, found in `ca`. */
  readonly tlsKey?: string;
  /** Be a Chef Server that knows nothing of API versions. */
  readonly withoutApiVersions?: boolean;
  /** Milliseconds since 1970 (default: the machine's clock). */
  readonly now?: () => number;
}

const NEWEST_API_VERSION = 2;

/**
 * A Chef Server for development and tests: what of one a push jobs server, its clients and its command line ask for
 * (REST API, "Asking the Chef Server"), in the forms of a real one. It listens on 127.0.0.1 only and keeps everything
 * in memory. Faults can be set, and every request that it was asked is kept.
 */
export class DevChefServer extends ChefAdministration {
  /** What goes wrong now. */
  readonly faults = new Faults();
  /** The requests that came, but for those that were handed on. */
  readonly requests: ChefRequest[] = [];
  /** Where requests for push jobs are handed on to. */
  pushyUrl: string | undefined;
  /** Its certificate, PEM, where it speaks HTTPS. */
  readonly ca: string | undefined;

  private readonly server;
  private readonly now: () => number;

  private constructor(private readonly options: DevChefServerOptions) {
    super(options.state ?? emptyState(), options.onChange);
    this.pushyUrl = options.pushyUrl;
    this.now = options.now ?? Date.now;
    const listener: RequestListener = (request, response) => this.handle(request, response);
    if (options.tlsKey === undefined) this.server = createServer(listener);
    else {
      this.ca = selfSignedCertificate(options.tlsKey, 'development Chef Server');
      this.server = createTlsServer({ key: options.tlsKey, cert: this.ca }, listener);
    }
    this.server.requestTimeout = 0;
  }

  /** Starts one; resolves when it listens. */
  static async start(options: DevChefServerOptions = {}): Promise<DevChefServer> {
    const chef = new DevChefServer(options);
    await chef.ensureSuperuser(options.superuserKey);
    chef.server.listen(options.port ?? 0, '127.0.0.1');
    await once(chef.server, 'listening');
    return chef;
  }

  /** The root address, without a `/` at the end. */
  get url(): string {
    return `${this.scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Ends it, and all connections. */
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private get scheme(): 'http' | 'https' {
    return this.ca === undefined ? 'http' : 'https';
  }

  private handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const target = incoming.url ?? '/';
    if (this.pushyUrl !== undefined && isForPushy(target)) {
      proxyToPushy(this.pushyUrl, this.scheme, incoming, outgoing);
      return;
    }
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = 'GET', headers } = incoming;
      void this.respond({ method, target, headers, body: Buffer.concat(chunks) }, outgoing);
    });
  }

  private async respond(request: ChefRequest, outgoing: ServerResponse): Promise<void> {
    this.requests.push(request);
    const fault = this.faults.meet(request);
    if (fault?.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    await fault?.until;
    if (fault?.close === true) return void outgoing.destroy();
    const answer = await this.answer(request, fault);
    if (fault?.closeAfter === true) return void outgoing.destroy();
    const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    outgoing.writeHead(fault?.status ?? answer.status, {
      'Content-Type': 'application/json',
      ...answer.headers,
      ...fault?.headers,
    });
    outgoing.end(fault?.body ?? text);
  }

  private async answer(request: ChefRequest, fault?: Fault): Promise<Answer> {
    const asked = this.askedApiVersion(request);
    if (asked === undefined) return refused(406, 'the API version that you ask for is not known');
    try {
      const url = new URL(`${this.url}${request.target}`);
      const answer =
        fault?.status === undefined || request.method === 'GET'
          ? await answerRequest(this, request, url, asked, this.now())
          : refused(fault.status, 'something went wrong');
      return this.options.withoutApiVersions === true
        ? answer
        : { ...answer, headers: { 'X-Ops-Server-API-Version': versionHeader(asked) } };
    } catch (thrown) {
      return refused(400, `this cannot be read: ${String(thrown)}`);
    }
  }

  private askedApiVersion({ headers }: ChefRequest): number | undefined {
    if (this.options.withoutApiVersions === true) return 0;
    const version = Number(headers['x-ops-server-api-version'] ?? '0');
    return Number.isInteger(version) && version >= 0 && version <= NEWEST_API_VERSION ? version : undefined;
  }
}

const versionHeader = (version: number): string =>
  JSON.stringify({
    min_version: '0',
    max_version: String(NEWEST_API_VERSION),
    request_version: String(version),
    response_version: String(version),
  });
