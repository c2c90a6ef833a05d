import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ServerSecrets } from '../../../../src/server/config/server-secrets.js';
import { loadServerKeys } from '../../../../src/server/keys/load-server-keys.js';
import { curvePublicKeyOf, generateCurveKeyPair } from '../../../../src/shared/protocol/curve-key.js';
import { testServerSecrets } from '../../../support/server-settings.js';

const NOW = Date.UTC(2026, 10, 25, 12);

const pemOf = (type: 'rsa' | 'ec'): string => {
  const { privateKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 1024 })
      : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
};

describe('loadServerKeys', () => {
  let secrets: ServerSecrets;
  beforeAll(async () => {
    secrets = await testServerSecrets();
  });

  it('derives the public halves', async () => {
    const keys = await loadServerKeys(secrets, NOW);

    expect(keys.rsaPublicKeyPem).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    const signature = sign('sha256', Buffer.from('text'), keys.rsaPrivateKey);
    expect(verify('sha256', Buffer.from('text'), keys.rsaPublicKeyPem, signature)).toBe(true);
    expect(keys.curve).toEqual({
      publicKey: await curvePublicKeyOf(secrets.curve_secret_key),
      secretKey: secrets.curve_secret_key,
    });
  });

  it('derives the incarnation id, a UUID, from the keys', async () => {
    const { incarnationId } = await loadServerKeys(secrets, NOW);
    const again = await loadServerKeys({ ...secrets }, NOW);
    const otherCurve = await generateCurveKeyPair();
    const rotated = await loadServerKeys({ ...secrets, curve_secret_key: otherCurve.secretKey }, NOW);

    expect(incarnationId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(again.incarnationId).toBe(incarnationId);
    expect(rotated.incarnationId).not.toBe(incarnationId);
  });

  it.each([
    ['pushy_priv_key', 'text that is not a key', 'not-a-key-0123456789'],
    [
      'pushy_priv_key',
      'half a key',
      '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----\n',
    ],
    ['pushy_priv_key', 'a short RSA key', pemOf('rsa')],
    ['pushy_priv_key', 'a key that is not RSA', pemOf('ec')],
    ['curve_secret_key', 'text that is not Z85', '~'.repeat(40)],
  ])('rejects as %s %s; the error names the secret and not its value', async (name, _what, value) => {
    const thrown: unknown = await loadServerKeys({ ...secrets, [name]: value }, NOW).catch(
      (reason: unknown) => reason,
    );

    expect(thrown).toMatchObject({ code: 'secret_invalid' });
    expect(String(thrown)).toContain(name);
    expect(String(thrown)).not.toContain(value.slice(0, 40));
  });

  describe('with previous keys', () => {
    let before: ServerSecrets;
    beforeAll(async () => {
      before = await testServerSecrets();
    });

    const load = (validUntil: number, fields: Partial<ServerSecrets['previous']> = {}) => {
      const { pushy_priv_key, curve_secret_key } = before;
      const rotated_at = new Date(NOW - 1000).toISOString();
      const valid_until = new Date(validUntil).toISOString();
      const previous = { pushy_priv_key, curve_secret_key, rotated_at, valid_until, ...fields };
      return loadServerKeys({ ...secrets, previous }, NOW);
    };

    it('loads them during the grace period', async () => {
      const { previous, ...own } = await load(NOW + 1);
      const { previous: _none, ...ownOnly } = await loadServerKeys(secrets, NOW);
      const { previous: _neither, ...unrotated } = await loadServerKeys(before, NOW);

      expect(own.incarnationId).toBe(ownOnly.incarnationId);
      expect(previous).toMatchObject({ rotatedAt: NOW - 1000, validUntil: NOW + 1 });
      expect(previous).toMatchObject({
        incarnationId: unrotated.incarnationId,
        rsaPublicKeyPem: unrotated.rsaPublicKeyPem,
        curve: unrotated.curve,
      });
    });

    it('ignores them after the grace period, even if they are invalid', async () => {
      expect((await load(NOW)).previous).toBeUndefined();
      expect((await load(NOW, { pushy_priv_key: 'rotten' })).previous).toBeUndefined();
    });

    it.each(['pushy_priv_key', 'curve_secret_key'] as const)(
      'rejects a previous %s that is not a key',
      async (name) => {
        await expect(load(NOW + 1, { [name]: '~'.repeat(40) })).rejects.toMatchObject({
          code: 'secret_invalid',
          message: expect.stringMatching(
            new RegExp(`previous\\.${name} is not .*generate keys anew`),
          ) as string,
        });
      },
    );
  });
});
