import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { readRequiredBytes } from './read-text-file.js';

const PEM = '-----BEGIN';

const CERTIFICATE_FILE_NAME = /\.(crt|pem)$/;

/**
 * Returns the certificates (`*.crt`, `*.pem`) of a folder in PEM form, sorted by file name; none if there is no such
 * folder. Throws an AppError if the folder or a file cannot be read.
 */
export const readTrustedCerts = (folder: string): string[] =>
  (existsSync(folder) ? listFiles(folder) : [])
    .filter((name) => CERTIFICATE_FILE_NAME.test(name))
    .sort()
    .map((name) => readCertificates(join(folder, name), 'trusted_certs'));

const listFiles = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch (thrown) {
    throw new AppError(
      'certificates_unreadable',
      `cannot read the folder of trusted certificates ${folder}: ${messageOf(thrown)}`,
    );
  }
};

/**
 * Returns the certificates of a file in PEM form; the file contains PEM certificates or one DER certificate and is set
 * in `source`. Throws an AppError if there is no such file or it is invalid.
 */
export const readCertificates = (file: string, source: string): string => {
  const bytes = readRequiredBytes(file, 'the certificate file', source);
  try {
    const first = new X509Certificate(bytes);
    return bytes.includes(PEM) ? bytes.toString('utf8') : first.toString();
  } catch (thrown) {
    throw new AppError(
      'bad_certificate',
      `${file} is not a PEM or DER certificate: ${messageOf(thrown)}; remove or replace the file`,
    );
  }
};
