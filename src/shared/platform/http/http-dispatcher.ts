import { rootCertificates } from 'node:tls';
import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { proxyFor, type ProxySettings, resolveProxies } from './proxy-settings.js';

/** How connections are made, and whom they trust. */
export interface DispatcherOptions {
  /** PEM certificates that are trusted besides the well-known ones. */
  readonly ca?: string | readonly string[];
  /** False takes any certificate: somebody asked for that, against advice (default true). */
  readonly verifyTls?: boolean;
  /** Milliseconds until a connection must stand (default 5,000). */
  readonly connectTimeoutMs?: number;
  /** Connections that one origin gets at the most (default 32). */
  readonly connections?: number;
  /** Go through proxies; without it connections are direct, whatever the environment says. */
  readonly proxy?: ProxySettings;
}

/** Makes connections as the options say. Throws an AppError where the address of a proxy is none. */
export const createDispatcher = (options: DispatcherOptions): Dispatcher => {
  const { ca, verifyTls = true, connectTimeoutMs = 5000, connections = 32, proxy } = options;
  const tls = {
    rejectUnauthorized: verifyTls,
    // Node.js takes `ca` in place of its own list, so that has to be named too.
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
      return new ProxyAgent({ ...direct, requestTls: tls, uri, proxyTunnel: false }); // many allow CONNECT to port 443 alone
    },
  });
};
