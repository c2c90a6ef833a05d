import { constants, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decryptSessionKey, encryptSessionKey } from '../../../../src/shared/protocol/session-key.js';

const node = generateKeyPairSync('rsa', { modulusLength: 2048 });
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
const sessionKey = randomBytes(32);

/** Encrypts 256 bytes without padding, so that the node's key decrypts exactly these. */
const encryptRaw = (block: Buffer): string =>
  publicEncrypt({ key: node.publicKey, padding: constants.RSA_NO_PADDING }, block).toString('base64');

const padded = (start: number[], paddingBytes: number, key: Buffer): Buffer => {
  const block = Buffer.concat([Buffer.from(start), Buffer.alloc(paddingBytes, 0xff), Buffer.from([0]), key]);
  return Buffer.concat([block, Buffer.alloc(Math.max(0, 256 - block.length))]);
};

describe('a session key', () => {
  it('is decrypted by the node that it is encrypted for', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        expect(decryptSessionKey(node.privateKey, encryptSessionKey(node.publicKey, key))).toEqual(
          Buffer.from(key),
        );
      }),
      { numRuns: 20 },
    );
  });

  it('is encrypted differently each time', () => {
    expect(encryptSessionKey(node.publicKey, sessionKey)).not.toBe(
      encryptSessionKey(node.publicKey, sessionKey),
    );
  });

  it('is not decrypted with another key', () => {
    const encrypted = encryptSessionKey(node.publicKey, sessionKey);
    expect(decryptSessionKey(stranger.privateKey, encrypted)).toBeUndefined();
  });

  it('is not decrypted from a truncated, changed or invalid text', () => {
    const encrypted = Buffer.from(encryptSessionKey(node.publicKey, sessionKey), 'base64');
    expect(decryptSessionKey(node.privateKey, encrypted.subarray(1).toString('base64'))).toBeUndefined();
    expect(decryptSessionKey(node.privateKey, encrypted.subarray(0, 128).toString('base64'))).toBeUndefined();
    encrypted[100] = encrypted[100]! ^ 1;
    expect(decryptSessionKey(node.privateKey, encrypted.toString('base64'))).toBeUndefined();
    expect(decryptSessionKey(node.privateKey, '')).toBeUndefined();
    expect(decryptSessionKey(node.privateKey, 'not base64!')).toBeUndefined();
  });

  it('is not decrypted from a block without its leading zero', () => {
    let encrypted: Buffer;
    do encrypted = Buffer.from(encryptSessionKey(node.publicKey, sessionKey), 'base64');
    while (encrypted[0] !== 0);
    expect(decryptSessionKey(node.privateKey, encrypted.toString('base64'))).toEqual(sessionKey);
    expect(decryptSessionKey(node.privateKey, encrypted.subarray(1).toString('base64'))).toBeUndefined();
  });

  it.each([16, 31, 33, 64])('is rejected with a length of %d bytes', (length) => {
    const encrypted = encryptSessionKey(node.publicKey, randomBytes(length));
    expect(decryptSessionKey(node.privateKey, encrypted)).toBeUndefined();
  });

  it('is decrypted only from a block with PKCS#1 v1.5 type 2 padding', () => {
    const good = padded([0, 2], 221, sessionKey);
    expect(decryptSessionKey(node.privateKey, encryptRaw(good))).toEqual(sessionKey);
    const typeOne = padded([0, 1], 221, sessionKey);
    expect(decryptSessionKey(node.privateKey, encryptRaw(typeOne))).toBeUndefined();
    const withoutSeparator = Buffer.concat([Buffer.from([0, 2]), Buffer.alloc(254, 0xff)]);
    expect(decryptSessionKey(node.privateKey, encryptRaw(withoutSeparator))).toBeUndefined();
  });
});
