import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import type { Clock } from '../../shared/lib/clock.js';
import { HttpClient } from '../../shared/platform/http/http-client.js';
import type { HttpFault, HttpRequest, HttpResponse } from '../../shared/platform/http/http-exchange.js';
import type { ProxySettings } from '../../shared/platform/http/proxy-settings.js';
import { SignedHttp } from '../../shared/platform/http/signed-http.js';
import type { Result } from '../../shared/lib/result.js';
import type { Signer } from '../../shared/protocol/chef-signature/sign-request.js';
import type { TlsSettings } from '../settings/client-settings.js';

/** How to connect to the Chef Server. */
export interface ServerAccess {
  readonly tls: TlsSettings;
  readonly proxy: ProxySettings;
}

/**
 * Sends signed requests to the Chef Server through the configured proxies. It trusts the certificates of the system,
 * `ssl_ca_file` and `trusted_certs_dir`. Each request opens a new connection and rereads the certificates: requests are
 * rare (about one per hour), and a certificate that an administrator adds counts at the next request.
 */
export class ServerHttp {
  constructor(
    private readonly access: ServerAccess,
    private readonly signer: Signer,
    private readonly clock: Clock,
  ) {}

  /** Signs and sends a request and reads the whole response, whatever its status. */
  async send(request: HttpRequest): Promise<Result<HttpResponse, HttpFault>> {
    const http = openHttp(this.access);
    try {
      return await new SignedHttp(http, this.signer, this.clock).send(request);
    } finally {
      await http.close();
    }
  }

  /** Explains why there was no response and what to do. */
  explain({ reason }: HttpFault): string {
    return explainTlsFault(reason, this.access.tls);
  }
}

/** Adds a remedy to an error text about a certificate. */
export const explainTlsFault = (reason: string, { trustedDir, caFile }: TlsSettings): string => {
  if (/altnames/i.test(reason)) {
    return `${reason}; use the host name of the Chef Server's certificate in chef_server_url`;
  }
  if (/expired|not yet valid/i.test(reason) && /cert/i.test(reason)) {
    return `${reason}; the Chef Server needs a new certificate, or the clock of this machine is wrong`;
  }
  if (!/certificate|self.signed/i.test(reason)) return reason;
  const places = [trustedDir, caFile].filter((path) => path !== undefined).join(' or ');
  return `${reason}; if you trust this server, put its certificate into ${places || 'trusted_certs_dir'}`;
};

/** Creates an HTTP client with these settings. Throws an AppError if a certificate file cannot be read. */
export const openHttp = ({ tls, proxy }: ServerAccess): HttpClient => {
  const ca = trustedCertificates(tls);
  return new HttpClient({
    ...(ca.length === 0 ? {} : { ca }), // an absent `ca` means the certificates of the system
    verifyTls: tls.verify,
    connections: 1,
    proxy,
  });
};

/** Reads the trusted certificates (PEM) besides those of the system. Throws an AppError if one cannot be read. */
const trustedCertificates = (tls: TlsSettings): string[] => trustedFiles(tls).map(readCertificate);

/** Returns a sentence for each of these files that TLS ignores. Throws an AppError if one cannot be read. */
export const ignoredCertificates = (tls: TlsSettings): string[] =>
  trustedFiles(tls)
    .filter((path) => !holdsCertificate(readCertificate(path)))
    .map(
      (path) =>
        `${path} is ignored: it holds no certificate as PEM text; convert a certificate of another format with 'openssl x509'`,
    );

const holdsCertificate = (text: string): boolean => {
  try {
    return new X509Certificate(text).raw.length > 0;
  } catch {
    return false; // the constructor throws if the text is not a certificate
  }
};

const trustedFiles = ({ caFile, trustedDir }: TlsSettings): string[] => [
  ...(caFile === undefined ? [] : [caFile]),
  ...(trustedDir === undefined ? [] : certificatesIn(trustedDir)),
];

const readCertificate = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new AppError('certificate', `cannot read the certificate ${path}: ${messageOf(thrown)}`);
  }
};

const certificatesIn = (dir: string): string[] =>
  (existsSync(dir) ? namesIn(dir) : [])
    .filter((name) => /\.(?:crt|pem)$/.test(name))
    .map((name) => join(dir, name));

const namesIn = (dir: string): string[] => {
  try {
    return readdirSync(dir);
  } catch (thrown) {
    throw new AppError('certificate', `cannot read the folder of certificates ${dir}: ${messageOf(thrown)}`);
  }
};
