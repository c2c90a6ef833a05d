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
import { explainTlsFault } from './explain-tls-fault.js';
import type { TlsSettings } from '../settings/client-settings.js';

/** How the Chef Server is reached. */
export interface ServerAccess {
  readonly tls: TlsSettings;
  readonly proxy: ProxySettings;
}

/**
 * Signed requests to the Chef Server: through the proxies that are set, trusting the certificates of the system,
 * `ssl_ca_file` and `trusted_certs_dir`. Each request has a connection of its own, and reads those files again: there
 * is one an hour, so a certificate that an administrator adds counts at the next try, and nothing is held between.
 */
export class ServerHttp {
  constructor(
    private readonly access: ServerAccess,
    private readonly signer: Signer,
    private readonly clock: Clock,
  ) {}

  /** Signs and sends a request and reads the whole answer, whatever its status. */
  async send(request: HttpRequest): Promise<Result<HttpResponse, HttpFault>> {
    const http = openHttp(this.access);
    try {
      return await new SignedHttp(http, this.signer, this.clock).send(request);
    } finally {
      await http.close();
    }
  }

  /** Why there was no answer, and what to do about it. */
  explain({ reason }: HttpFault): string {
    return explainTlsFault(reason, this.access.tls);
  }
}

/** An HTTP client that trusts and connects as it is set; throws an AppError where a certificate file cannot be read. */
export const openHttp = ({ tls, proxy }: ServerAccess): HttpClient => {
  const ca = trustedCertificates(tls);
  return new HttpClient({
    ...(ca.length === 0 ? {} : { ca }), // those of the system alone need not be read
    verifyTls: tls.verify,
    connections: 1,
    proxy,
  });
};

/** The certificates (PEM) that are trusted besides those of the system; throws an AppError where one cannot be read. */
export const trustedCertificates = (tls: TlsSettings): string[] => trustedFiles(tls).map(readCertificate);

/** A sentence for each file among them that TLS ignores; throws an AppError where one cannot be read. */
export const ignoredCertificates = (tls: TlsSettings): string[] =>
  trustedFiles(tls)
    .filter((path) => !holdsCertificate(readCertificate(path)))
    .map(
      (path) =>
        `${path} is ignored: it holds no certificate as PEM text; if it is one in another form, 'openssl x509' makes such a text of it`,
    );

const holdsCertificate = (text: string): boolean => {
  try {
    return new X509Certificate(text).raw.length > 0;
  } catch {
    return false; // that is how it says so
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
