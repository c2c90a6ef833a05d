import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { EnvHttpProxyAgent } from 'undici';
import { HttpClient } from '../../platform/http/http-client.js';
import type { ProxySettings, TlsSettings } from '../settings/client-settings.js';

const CONNECT_TIMEOUT_MS = 5000;

/**
 * HTTP to the Chef Server: through the proxies that are set, trusting the certificates of the system, `ssl_ca_file` and
 * `trusted_certs_dir`. Throws where one of those files cannot be read.
 */
export const createServerHttp = (tls: TlsSettings, proxy: ProxySettings): HttpClient => {
  const connect = { ca: trustedCertificates(tls), rejectUnauthorized: tls.verify };
  const dispatcher = new EnvHttpProxyAgent({
    connect: { ...connect, timeout: CONNECT_TIMEOUT_MS },
    requestTls: connect,
    connections: 2,
    ...(proxy.http === undefined ? {} : { httpProxy: proxy.http }),
    ...(proxy.https === undefined ? {} : { httpsProxy: proxy.https }),
    ...(proxy.none === undefined ? {} : { noProxy: proxy.none }),
  });
  return new HttpClient({ dispatcher });
};

/** Those of Node.js and the further ones: naming any replaces the former. */
const trustedCertificates = ({ caFile, trustedDir }: TlsSettings): string[] => {
  const further = [
    ...(caFile === undefined ? [] : [caFile]),
    ...(trustedDir === undefined ? [] : certificatesIn(trustedDir)),
  ];
  return [...rootCertificates, ...further.map((path) => readFileSync(path, 'utf8'))];
};

const certificatesIn = (dir: string): string[] =>
  (existsSync(dir) ? readdirSync(dir) : [])
    .filter((name) => /\.(?:crt|pem)$/.test(name))
    .map((name) => join(dir, name));
