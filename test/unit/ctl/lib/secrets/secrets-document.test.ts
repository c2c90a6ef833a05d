import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretsDocument } from '../../../../../ctl/lib/secrets/secrets-document.js';

const FIXTURES = join(import.meta.dirname, '../../../../fixtures');
const recorded = readFileSync(join(FIXTURES, 'veil-v2-secrets.json'), 'utf8');
const expected = JSON.parse(readFileSync(join(FIXTURES, 'veil-v2-secrets.expected.json'), 'utf8')) as Record<
  string,
  Record<string, string>
>;

const parse = (text: string): SecretsDocument => SecretsDocument.parse(text, '/etc/secrets.json');

const expectValues = (document: SecretsDocument, values: typeof expected): void => {
  for (const [group, members] of Object.entries(values)) {
    for (const [name, value] of Object.entries(members)) expect(document.get(group, name)).toBe(value);
  }
};

/** The veil object of a rendered file. */
const veilOf = (document: SecretsDocument) =>
  (
    JSON.parse(document.render()) as {
      veil: Record<string, unknown> & { cipher: { key: string; iv: string } };
    }
  ).veil;

describe('a secrets file that veil wrote', () => {
  it('returns every value', () => {
    expectValues(parse(recorded), expected);
  });

  it('returns undefined for a missing secret', () => {
    expect(parse(recorded).get('push-jobs-server', 'pushy_priv_key')).toBeUndefined();
    expect(parse(recorded).get('nobody', 'x')).toBeUndefined();
  });

  it('keeps all other values, its hasher and its type when a secret is added', () => {
    const changed = parse(recorded).with('push-jobs-server', 'pushy_priv_key', 'PEM\n', { frozen: true });
    const again = parse(changed.render());
    expectValues(again, expected);
    expect(again.get('push-jobs-server', 'pushy_priv_key')).toBe('PEM\n');
    const before = (JSON.parse(recorded) as { veil: Record<string, unknown> }).veil;
    expect(veilOf(changed)).toMatchObject({ type: before.type, version: 2, hasher: before.hasher });
  });

  it('is encrypted with a fresh key and vector each time', () => {
    const document = parse(recorded);
    const [one, other] = [veilOf(document), veilOf(document)];
    expect(one.cipher.key).not.toBe(other.cipher.key);
    expect(one.cipher.iv).not.toBe(other.cipher.iv);
  });

  it('increments the version of a replaced secret, and keeps its other members', () => {
    const credential = {
      type: 'Veil::Credential',
      name: 'a',
      group: 'g',
      value: 'old',
      version: 6,
      length: 3,
      frozen: false,
      extra: 1,
    };
    const text = JSON.stringify({ veil: { version: 1, credentials: { g: { a: credential } } } });
    const replaced = parse(text).with('g', 'a', 'newer', { frozen: false });
    expect(JSON.parse(replaced.render())).toEqual({
      veil: {
        version: 1,
        credentials: { g: { a: { ...credential, value: 'newer', version: 7, length: 5 } } },
      },
    });
  });
});

describe('a secrets file of version 1', () => {
  const text = JSON.stringify({
    veil: {
      type: 'T',
      version: 1,
      hasher: { a: 1 },
      credentials: { g: { n: { value: 'v', odd: [1, null] } } },
    },
  });

  it('is read, and written as version 1 with everything in it', () => {
    const document = parse(text);
    expect(document.get('g', 'n')).toBe('v');
    expect(JSON.parse(document.render())).toEqual(JSON.parse(text));
  });
});

describe('an old plain secrets file', () => {
  it('stays plain, and what is not a secret stays as it is', () => {
    const old = { postgresql: { db_superuser_password: 'p' }, odd: 7, list: [1] };
    const changed = parse(JSON.stringify(old)).with('push-jobs-server', 'sql_password', 's', {
      frozen: false,
    });
    expect(changed.get('postgresql', 'db_superuser_password')).toBe('p');
    expect(JSON.parse(changed.render())).toEqual({ ...old, 'push-jobs-server': { sql_password: 's' } });
  });
});

describe('a new secrets file', () => {
  it('is of version 2, with a hasher as veil makes one', () => {
    expect(veilOf(SecretsDocument.empty())).toMatchObject({
      type: 'Veil::CredentialCollection::ChefSecretsFile',
      version: 2,
      hasher: { type: 'Veil::Hasher::PBKDF2', iterations: 10_000, hash_function: 'OpenSSL::Digest::SHA512' },
      cipher: { type: 'Veil::Cipher::V2' },
    });
  });

  it('returns any value that was set', () => {
    const name = fc.string({ minLength: 1 }).filter((text) => text !== '__proto__');
    fc.assert(
      fc.property(name, name, fc.string({ unit: 'grapheme' }), (group, secret, value) => {
        const document = SecretsDocument.empty().with(group, secret, value, { frozen: false });
        expect(parse(document.render()).get(group, secret)).toBe(value);
      }),
    );
  });

  it('stores the length of a value in characters, not bytes', () => {
    const document = SecretsDocument.empty().with('g', 'n', 'é', { frozen: true });
    expect(parse(document.render()).names('g')).toEqual(['n']);
    expect(document.withoutGroup('g').names('g')).toEqual([]);
  });
});

describe('a secrets file that cannot be read', () => {
  const other = {
    type: 'Veil::Cipher::V2',
    key: Buffer.alloc(32).toString('base64'),
    iv: Buffer.alloc(16).toString('base64'),
  };
  it.each([
    ['no JSON', '{"veil": s3cret'],
    ['no object', '["s3cret"]'],
    ['an unknown version', '{"veil":{"version":3,"credentials":"s3cret"}}'],
    [
      'a short key',
      '{"veil":{"version":2,"cipher":{"type":"Veil::Cipher::V2","key":"czNjcmV0","iv":""},"credentials":""}}',
    ],
    [
      'a key that does not fit',
      JSON.stringify({ veil: { ...(JSON.parse(recorded) as { veil: object }).veil, cipher: other } }),
    ],
  ])('is named but not quoted: %s', (_, text) => {
    expect(() => parse(text)).toThrow(/cannot read the secrets file \/etc\/secrets\.json/);
    expect(() => parse(text)).not.toThrow(/s3cret/);
  });
});
