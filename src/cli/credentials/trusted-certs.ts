import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { readNamedFile } from './read-text-file.js';

const PEM = '-----BEGIN';

const CERTIFICATE_NAME = /\.(crt|pem)$/;

/**
 * The certificates (`*.crt`, `*.pem`) in a folder, as PEM, sorted by name; none where there is no such folder. Throws an
 * AppError that names what cannot be read.
 */
export const readTrustedCerts = (folder: string): string[] =>
  (existsSync(folder) ? namesIn(folder) : [])
    .filter((name) => CERTIFICATE_NAME.test(name))
    .sort()
    .map((name) => readCertificates(join(folder, name), 'trusted_certs'));

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch (thrown) {
    throw new AppError(
      'certificates_unreadable',
      `cannot read the folder of trusted certificates ${folder}: ${messageOf(thrown)}`,
    );
  }
};

/** A file of one or more PEM certificates, or one as DER, which `namedBy` names, as PEM; throws an AppError where it is none. */
export const readCertificates = (file: string, namedBy: string): string => {
  const bytes = readNamedFile(file, 'the certificate', namedBy);
  try {
    const first = new X509Certificate(bytes);
    return bytes.includes(PEM) ? bytes.toString('utf8') : first.toString();
  } catch (thrown) {
    throw new AppError(
      'bad_certificate',
      `${file} is not a certificate, neither PEM nor DER: ${messageOf(thrown)}; remove it or put it right`,
    );
  }
};
