import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConnectionUnderTest, profile } from './connection-under-test.js';

let cli: ConnectionUnderTest;
beforeEach(() => {
  cli = new ConnectionUnderTest();
});
afterEach(() => cli.remove());

describe('trusted certificates', () => {
  const certificate = (folder: string): string => {
    const file = join(folder, 'ca.crt');
    const arguments_ = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    execFileSync(
      'openssl',
      [...arguments_, '-keyout', join(folder, 'ca.key'), '-out', file, '-subj', '/CN=test', '-days', '1'],
      { stdio: 'ignore' },
    );
    return readFileSync(file, 'utf8');
  };

  beforeEach(() => cli.writeKey('alice'));

  it('are read from trusted_certs next to the credentials file', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    const pem = certificate(dirname(cli.writeChefFile('trusted_certs/README', 'not a certificate')));

    expect(cli.resolve().client).toMatchObject({ ca: [pem], verifyTls: true });
  });

  it.each(['ssl_ca_file', 'SSL_CERT_FILE'])('are read from %s', (setting) => {
    const folder = dirname(cli.writeKey('alice'));
    const pem = certificate(folder);
    const line = setting === 'ssl_ca_file' ? 'ssl_ca_file = "keys/ca.crt"\n' : '';
    cli.writeChefFile('credentials', `${profile('default', 'alice')}${line}`);
    const connection = cli.resolve(
      {},
      setting === 'ssl_ca_file' ? {} : { [setting]: join(folder, 'ca.crt') },
    );

    expect(connection).toMatchObject({ client: { ca: [pem] }, trustedFrom: [join(folder, 'ca.crt')] });
  });

  it('cause an error for a missing file that names its source', () => {
    cli.writeChefFile('credentials', `${profile('default', 'alice')}ssl_ca_file = "/no/ca.pem"\n`);

    expect(cli.messageOf()).toContain(
      "the certificate file /no/ca.pem does not exist; it is set in profile 'default' of",
    );
  });

  it('cause an error for an invalid certificate', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    const file = cli.writeChefFile('trusted_certs/broken.pem', 'no');

    expect(cli.messageOf()).toContain(`${file} is not a PEM or DER certificate`);
  });

  it('may have DER form', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    const folder = dirname(cli.writeChefFile('trusted_certs/README', 'not a certificate'));
    const pem = certificate(folder);
    writeFileSync(join(folder, 'ca.crt'), new X509Certificate(pem).raw);

    expect(cli.resolve().client.ca).toEqual([pem]);
  });

  it('cause an error if trusted_certs is not a folder', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    const file = cli.writeChefFile('trusted_certs', 'not a folder');

    expect(cli.messageOf()).toContain(`cannot read the folder of trusted certificates ${file}`);
  });

  it.each(['verify_none', ':verify_none'])('are not verified with ssl_verify_mode %s', (mode) => {
    cli.writeChefFile('credentials', `${profile('default', 'alice')}ssl_verify_mode = "${mode}"\n`);

    expect(cli.resolve().client.verifyTls).toBe(false);
  });
});
