import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signHmac, signRsa, verifyHmac, verifyRsa } from '../../../../src/shared/protocol/frame-signature.js';

const key = Buffer.alloc(32, 7);

describe('HMAC signatures', () => {
  it('verify for their body and key, and for no other body', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (body, other) => {
        const signature = signHmac(key, body);
        expect(verifyHmac(key, body, signature)).toBe(true);
        expect(verifyHmac(key, other, signature)).toBe(Buffer.compare(body, other) === 0);
      }),
    );
  });

  it.each(['', 'AAAA', 'not base64', '='.repeat(44)])('do not verify as %j', (signature) => {
    expect(verifyHmac(key, Buffer.from('body'), signature)).toBe(false);
  });

  it('do not verify if they are truncated or extended', () => {
    const signature = Buffer.from(signHmac(key, 'body'), 'base64');
    const short = signature.subarray(0, 16).toString('base64');
    const long = Buffer.concat([signature, Buffer.alloc(1)]).toString('base64');

    expect(verifyHmac(key, Buffer.from('body'), short)).toBe(false);
    expect(verifyHmac(key, Buffer.from('body'), long)).toBe(false);
  });
});

describe('RSA signatures', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

  it('verify for their body and key only', () => {
    const body = Buffer.from('{"type":"heartbeat"}');
    const signature = signRsa(privateKey, body);

    expect(verifyRsa(publicKey, body, signature)).toBe(true);
    expect(verifyRsa(publicKey, Buffer.from('{}'), signature)).toBe(false);
    expect(verifyRsa(publicKey, body, signature.slice(4))).toBe(false);
    expect(verifyRsa(publicKey, body, Buffer.alloc(256).toString('base64'))).toBe(false);
  });
});
