import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SecretsDocument } from '../../../ctl/lib/secrets/secrets-document.js';

const recorded = readFileSync(join(import.meta.dirname, '../../fixtures/veil-v2-secrets.json'), 'utf8');

/** A secrets file with recorded secrets and one of ours, as we write it. */
const written = SecretsDocument.parse(recorded, 'recorded')
  .with('push-jobs-server', 'pushy_priv_key', 'PEM é\n', { frozen: true })
  .render();

interface Veil {
  readonly cipher: { readonly key: string; readonly iv: string };
  readonly credentials: string;
}

const veilOf = (text: string): Veil => (JSON.parse(text) as { veil: Veil }).veil;

/** Reads a secrets file as veil does and prints a credential of ours and one of others. */
const READ_IN_RUBY = `
  require 'json'; require 'openssl'; require 'base64'
  veil = JSON.parse(STDIN.read, symbolize_names: true)[:veil]
  raise 'version' unless veil[:version] == 2
  cipher = OpenSSL::Cipher.new('aes-256-cbc').decrypt
  cipher.key = Base64.strict_decode64(veil[:cipher][:key])
  cipher.iv = Base64.strict_decode64(veil[:cipher][:iv])
  plain = cipher.update(Base64.strict_decode64(veil[:credentials])) + cipher.final
  groups = JSON.parse(plain.force_encoding('UTF-8'), symbolize_names: true)
  puts JSON.generate([groups[:'push-jobs-server'][:pushy_priv_key], groups[:postgresql][:db_superuser_password]])
`;

/** Writes a secrets file of version 2 with one credential. */
const WRITE_IN_RUBY = `
  require 'json'; require 'openssl'; require 'base64'
  cipher = OpenSSL::Cipher.new('aes-256-cbc').encrypt
  key, iv = cipher.random_key, cipher.random_iv
  groups = { 'g' => { 'n' => { type: 'Veil::Credential', name: 'n', group: 'g', value: "v é", version: 0, length: 3, frozen: false } } }
  text = Base64.strict_encode64(cipher.update(JSON.generate(groups)) + cipher.final)
  puts JSON.pretty_generate(veil: { type: 'Veil::CredentialCollection::ChefSecretsFile', version: 2, hasher: {},
    cipher: { type: 'Veil::Cipher::V2', key: Base64.strict_encode64(key), iv: Base64.strict_encode64(iv) }, credentials: text })
`;

describe('a secrets file that we write', () => {
  it('can be read by Ruby, with the members of a veil credential', () => {
    const out = execFileSync('ruby', ['-e', READ_IN_RUBY], { input: written, encoding: 'utf8' });
    expect(JSON.parse(out)).toEqual([
      {
        type: 'Veil::Credential',
        name: 'pushy_priv_key',
        group: 'push-jobs-server',
        value: 'PEM é\n',
        version: 0,
        length: 6,
        frozen: true,
      },
      expect.objectContaining({ value: 'pgpass é', length: 8 }),
    ]);
  });

  it('can be decrypted by openssl', () => {
    const { cipher, credentials } = veilOf(written);
    const hex = (base64: string): string => Buffer.from(base64, 'base64').toString('hex');
    const plain = execFileSync(
      'openssl',
      ['enc', '-d', '-aes-256-cbc', '-K', hex(cipher.key), '-iv', hex(cipher.iv)],
      { input: Buffer.from(credentials, 'base64') },
    );
    expect(JSON.parse(plain.toString())).toHaveProperty('opscode_erchef.sql_password.value');
  });
});

it('reads a secrets file that Ruby wrote', () => {
  const text = execFileSync('ruby', ['-e', WRITE_IN_RUBY], { encoding: 'utf8' });
  expect(SecretsDocument.parse(text, 'ruby').get('g', 'n')).toBe('v é');
});
