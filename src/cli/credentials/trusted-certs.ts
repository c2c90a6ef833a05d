import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, messageOf } from '../../lib/app-error.js';
import { readTextFile } from './read-text-file.js';

const CERTIFICATE_NAME = /\.(crt|pem)$/;

/** The PEM certificates (`*.crt`, `*.pem`) in a folder, sorted by name; none where there is no such folder. */
export const readTrustedCerts = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => CERTIFICATE_NAME.test(name))
        .sort()
        .map((name) => readCertificate(join(folder, name)))
    : [];

const readCertificate = (file: string): string => {
  const pem = readTextFile(file, 'the certificate', 'trusted_certs');
  try {
    new X509Certificate(pem);
    return pem;
  } catch (thrown) {
    throw new AppError(
      'bad_certificate',
      `${file} is not a PEM certificate: ${messageOf(thrown)}; remove it or put it right`,
    );
  }
};
