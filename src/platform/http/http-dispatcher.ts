import { rootCertificates } from 'node:tls';
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';

/** The proxies to go through, as URLs; of those that are undefined, the environment's (`http_proxy` and so on). */
export interface ProxySettings {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  /** Hosts, parted by commas, that are reached without one; `*` means all. */
  readonly none?: string | undefined;
}

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

/** Makes connections as the options say. Throws a TypeError where a proxy's URL is none. */
export const createDispatcher = (options: DispatcherOptions): Dispatcher => {
  const { ca, verifyTls = true, connectTimeoutMs = 5000, connections = 32, proxy } = options;
  const tls = {
    rejectUnauthorized: verifyTls,
    // Node.js takes `ca` in place of its own list, so that has to be named too.
    ...(ca === undefined ? {} : { ca: [...rootCertificates, ...[ca].flat()] }),
  };
  const direct = { connections, connect: { ...tls, timeout: connectTimeoutMs } };
  if (proxy === undefined) return new Agent(direct);
  return new EnvHttpProxyAgent({
    ...direct,
    requestTls: tls,
    proxyTunnel: false, // many proxies allow CONNECT to port 443 alone
    ...(proxy.http === undefined ? {} : { httpProxy: proxy.http }),
    ...(proxy.https === undefined ? {} : { httpsProxy: proxy.https }),
    ...(proxy.none === undefined ? {} : { noProxy: proxy.none }),
  });
};
