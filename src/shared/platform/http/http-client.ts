import { rootCertificates } from 'node:tls';
import { Agent, type Dispatcher, Pool, ProxyAgent, request } from 'undici';
import { err, ok, type Result } from '../../lib/result.js';
import { BufferedResponse } from './buffered-response.js';
import {
  faultOf,
  type HttpFault,
  type HttpRequest,
  type HttpResponse,
  type HttpStream,
} from './http-exchange.js';
import { proxyFor, type ProxySettings, resolveProxies } from './proxy-settings.js';

/** How a client connects, and which certificates it trusts. */
export interface HttpClientOptions {
  /** PEM certificates that are trusted in addition to the well-known ones. */
  readonly ca?: string | readonly string[];
  /** False accepts any certificate (default true). */
  readonly verifyTls?: boolean;
  /** Time limit for a new connection in milliseconds (default 5,000). */
  readonly connectTimeoutMs?: number;
  /** Maximum number of connections per origin (default 32). */
  readonly connections?: number;
  /** Use proxies; if undefined, connections are direct, whatever the environment says. */
  readonly proxy?: ProxySettings;
}

/** HTTP with keep-alive and limits for time and size. It verifies TLS certificates by default and follows no redirects. */
export class HttpClient {
  private readonly dispatcher: Dispatcher;

  /** Throws an AppError if a proxy address is invalid. */
  constructor(options: HttpClientOptions = {}) {
    this.dispatcher = createDispatcher(options);
  }

  /** Sends a request and reads the complete response, whatever its status. */
  send(message: HttpRequest): Promise<Result<HttpResponse, HttpFault>> {
    const response = new BufferedResponse(message);
    try {
      const { origin, pathname, search } = new URL(message.url);
      this.dispatcher.dispatch({ origin, path: pathname + search, ...undiciOptions(message) }, response);
    } catch (thrown) {
      response.fail(thrown);
    }
    return response.outcome;
  }

  /** Sends a request and returns the response with its body as a stream. There is no time limit; `signal` ends it. */
  async open(message: HttpRequest): Promise<Result<HttpStream, HttpFault>> {
    try {
      const { statusCode, headers, body } = await request(message.url, {
        dispatcher: this.dispatcher,
        ...undiciOptions(message),
        ...(message.signal === undefined ? {} : { signal: message.signal }),
      });
      return ok({ status: statusCode, headers, body });
    } catch (thrown) {
      return err(faultOf(message, thrown));
    }
  }

  /** Closes all connections; requests in progress fail. */
  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }
}

/** Without a time limit of undici for the body: BufferedResponse limits the time where a limit applies. */
const undiciOptions = ({ method, headers, body }: HttpRequest) => ({
  method,
  bodyTimeout: 0,
  ...(headers === undefined ? {} : { headers }),
  ...(body === undefined ? {} : { body }),
});

const createDispatcher = (options: HttpClientOptions): Dispatcher => {
  const { ca, verifyTls = true, connectTimeoutMs = 5000, connections = 32, proxy } = options;
  const tls = {
    rejectUnauthorized: verifyTls,
    // `ca` replaces the list of Node.js, so that list is named too.
    ...(ca === undefined ? {} : { ca: [...rootCertificates, ...[ca].flat()] }),
  };
  const direct = { connections, connect: { ...tls, timeout: connectTimeoutMs } };
  if (proxy === undefined) return new Agent(direct);
  const proxies = resolveProxies(proxy, process.env);
  return new Agent({
    ...direct,
    factory: (origin) => {
      const uri = proxyFor(new URL(origin), proxies);
      if (uri === undefined) return new Pool(origin, direct);
      // No tunnel for HTTP: many proxies allow CONNECT to port 443 only.
      return new ProxyAgent({ ...direct, requestTls: tls, uri, proxyTunnel: false });
    },
  });
};
