import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { SessionSeal } from '../../../../src/server/keys/session-seal.js';

const WEB1 = { orgId: 'a'.repeat(32), node: 'web1' };
const KEY = Buffer.alloc(32, 9);
const newSeal = (): Promise<SessionSeal> => SessionSeal.create(randomBytes(32).toString('base64'));

describe('SessionSeal', () => {
  let seal: SessionSeal;
  beforeAll(async () => {
    seal = await newSeal();
  });

  it('decrypts what it encrypted, for any node name', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (node) => {
        const address = { ...WEB1, node };
        expect(seal.open(address, seal.seal(address, KEY))).toEqual(KEY);
      }),
    );
  });

  it('hides the key and never encrypts it twice to the same text', () => {
    const sealed = seal.seal(WEB1, KEY);
    expect(sealed.includes(KEY)).toBe(false);
    expect(sealed.equals(seal.seal(WEB1, KEY))).toBe(false);
  });

  it('does not decrypt a row that was moved to another node or organization', () => {
    const sealed = seal.seal(WEB1, KEY);
    expect(seal.open({ ...WEB1, node: 'web2' }, sealed)).toBeUndefined();
    expect(seal.open({ ...WEB1, orgId: 'b'.repeat(32) }, sealed)).toBeUndefined();
  });

  it('does not decrypt what another key encrypted', async () => {
    const other = await newSeal();
    expect(other.open(WEB1, seal.seal(WEB1, KEY))).toBeUndefined();
  });

  it('does not decrypt a text that was changed or truncated at any place', () => {
    const sealed = seal.seal(WEB1, KEY);
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(sealed);
        changed[at] = changed[at]! ^ flip;
        expect(seal.open(WEB1, changed)).toBeUndefined();
        expect(seal.open(WEB1, sealed.subarray(0, at))).toBeUndefined();
      }),
    );
  });

  it.each(['', 'c2hvcnQ=', randomBytes(33).toString('base64')])(
    'rejects %j as session_seal_key; the error names the secret and not its value',
    async (value) => {
      const thrown: unknown = await SessionSeal.create(value).catch((reason: unknown) => reason);
      expect(thrown).toMatchObject({ code: 'secret_invalid' });
      expect(String(thrown)).toContain('session_seal_key');
      if (value !== '') expect(String(thrown)).not.toContain(value);
    },
  );
});
