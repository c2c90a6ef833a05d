import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HttpClient } from '../../platform/http/http-client.js';
import type { ProxySettings, TlsSettings } from '../settings/client-settings.js';

/** A node asks for its config, and for little else. */
const CONNECTIONS = 2;

/**
 * HTTP to the Chef Server: through the proxies that are set, trusting the well-known certificates, `ssl_ca_file` and
 * `trusted_certs_dir`. Throws where one of those files cannot be read.
 */
export const createServerHttp = (tls: TlsSettings, proxy: ProxySettings): HttpClient =>
  new HttpClient({
    ca: furtherCertificates(tls),
    verifyTls: tls.verify,
    connections: CONNECTIONS,
    proxy,
  });

const furtherCertificates = ({ caFile, trustedDir }: TlsSettings): string[] => {
  const files = [
    ...(caFile === undefined ? [] : [caFile]),
    ...(trustedDir === undefined ? [] : certificatesIn(trustedDir)),
  ];
  return files.map((path) => readFileSync(path, 'utf8'));
};

const certificatesIn = (dir: string): string[] =>
  (existsSync(dir) ? readdirSync(dir) : [])
    .filter((name) => /\.(?:crt|pem)$/.test(name))
    .map((name) => join(dir, name));
