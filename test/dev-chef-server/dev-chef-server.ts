import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type ChefResponse, type ChefRequest, rejected } from './responses.js';
import { selfSignedCertificate } from './certificate.js';
import { ChefAdministration } from './chef-administration.js';
import { type ChefState, emptyState } from './chef-state.js';
import { type Fault, Faults } from './faults.js';
import { isForPushy, proxyToPushy } from './pushy-proxy.js';
import { handleRequest } from './routes.js';

/** How a development Chef Server is started. */
export interface DevChefServerOptions {
  /** TCP port of 127.0.0.1 (default: a free one). */
  readonly port?: number;
  /** Push Jobs server that gets requests for `/organizations/ORG/pushy/…` and `/pushy/…`; can be set later, too. */
  readonly pushyUrl?: string;
  /** Initial state (default: only the superuser). */
  readonly state?: ChefState;
  /** Called after each change of the state. */
  readonly onChange?: (state: ChefState) => void;
  /** The superuser's private key, PEM (default: a new one, unless the state has the superuser). */
  readonly superuserKey?: string;
  /** Private key, PEM, for HTTPS with a self-signed certificate, which is in `ca`. */
  readonly tlsKey?: string;
  /** Behave as a Chef Server without API versions. */
  readonly withoutApiVersions?: boolean;
  /** Milliseconds since 1970 (default: the machine's clock). */
  readonly now?: () => number;
}

const NEWEST_API_VERSION = 2;

/**
 * A Chef Server for development and tests: the resources that Push Jobs uses, in the form of a real one. It listens on
 * 127.0.0.1 only and keeps everything in memory. Tests can set faults and read all requests. See docs/spec/rest-api.md,
 * "Asking the Chef Server".
 */
export class DevChefServer extends ChefAdministration {
  /** Faults that are active now. */
  readonly faults = new Faults();
  /** All requests except those that were forwarded to the Push Jobs server. */
  readonly requests: ChefRequest[] = [];
  /** Push Jobs server that gets requests for push jobs. */
  pushyUrl: string | undefined;
  /** Its certificate, PEM, if it uses HTTPS. */
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

  /** Resolves when the server listens. */
  static async start(options: DevChefServerOptions = {}): Promise<DevChefServer> {
    const chef = new DevChefServer(options);
    await chef.ensureSuperuser(options.superuserKey);
    chef.server.listen(options.port ?? 0, '127.0.0.1');
    await once(chef.server, 'listening');
    return chef;
  }

  /** Root URL without a trailing `/`. */
  get url(): string {
    return `${this.scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Stops the server and closes all connections. */
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
    const fault = this.faults.match(request);
    if (fault?.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    await fault?.until;
    if (fault?.close === true) return void outgoing.destroy();
    const response = await this.responseTo(request, fault);
    if (fault?.closeAfter === true) return void outgoing.destroy();
    const text = typeof response.body === 'string' ? response.body : JSON.stringify(response.body);
    outgoing.writeHead(fault?.status ?? response.status, {
      'Content-Type': 'application/json',
      ...response.headers,
      ...fault?.headers,
    });
    outgoing.end(fault?.body ?? text);
  }

  private async responseTo(request: ChefRequest, fault?: Fault): Promise<ChefResponse> {
    const version = this.requestedApiVersion(request);
    if (version === undefined) return rejected(406, 'unknown API version; supported are 0 to 2');
    try {
      const url = new URL(`${this.url}${request.target}`);
      const response =
        fault?.status === undefined || request.method === 'GET'
          ? await handleRequest(this, request, url, version, this.now())
          : rejected(fault.status, 'something went wrong');
      return this.options.withoutApiVersions === true
        ? response
        : { ...response, headers: { 'X-Ops-Server-API-Version': versionHeader(version) } };
    } catch (thrown) {
      return rejected(400, `cannot read the request: ${String(thrown)}`);
    }
  }

  private requestedApiVersion({ headers }: ChefRequest): number | undefined {
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
