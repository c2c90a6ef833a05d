import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SIGNATURE_VERSIONS } from '../../../../../src/shared/protocol/chef-signature/canonical-request.js';
import { signRequest } from '../../../../../src/shared/protocol/chef-signature/sign-request.js';
import {
  parseSignedHeaders,
  type SignedHeaders,
} from '../../../../../src/shared/protocol/chef-signature/signed-headers.js';
import {
  parsePublicKey,
  type ReceivedRequest,
  verifyRequest,
} from '../../../../../src/shared/protocol/chef-signature/verify-request.js';
import { publicKeyOf } from '../../../../dev-chef-server/key-pair.js';
import { asReceived } from '../../../../support/signed-headers.js';

const NOW = Date.parse('2026-11-22T08:00:00.789Z');
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const { publicKey: strangersKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const read = (sent: Record<string, string>): SignedHeaders => {
  const headers = parseSignedHeaders(asReceived(sent), NOW);
  if (!headers.ok) throw new Error(headers.error.kind);
  return headers.value;
};

const version = fc.constantFrom(...SIGNATURE_VERSIONS);
const userId = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,40}$/);
const path = fc
  .array(fc.stringMatching(/^[A-Za-z0-9_.%~-]{1,12}$/), { maxLength: 6 })
  .map((segments) => `/${segments.join('/')}`);
const request = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
  path,
  body: fc.uint8Array({ maxLength: 200 }),
});
const serverApiVersion = fc.constantFrom('0', '1', '2');

describe('a request signed by us', () => {
  it('verifies only with the key of its signer', () => {
    fc.assert(
      fc.property(
        version,
        userId,
        request,
        serverApiVersion,
        (version, userId, request, serverApiVersion) => {
          const signer = { userId, key: privateKey, version, serverApiVersion };
          const headers = read(signRequest(signer, request, NOW));
          expect(headers).toMatchObject({
            version,
            userId,
            timestamp: '2026-11-22T08:00:00Z',
            serverApiVersion,
          });
          expect(verifyRequest(headers, request, publicKey)).toBe(true);
          expect(verifyRequest(headers, request, strangersKey)).toBe(false);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('verifies with any spelling of its path', () => {
    fc.assert(
      fc.property(
        version,
        request,
        fc.constantFrom('', '/', '//'),
        fc.constantFrom('', '?', '?a=b&c=/d'),
        (...given) => {
          const [version, request, slashes, query] = given;
          const headers = read(signRequest({ userId: 'alice', key: privateKey, version }, request, NOW));
          const spelled = { ...request, path: `/${request.path}${slashes}${query}` };
          expect(verifyRequest(headers, spelled, publicKey)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('does not verify after any single change', () => {
    type Change = (headers: SignedHeaders, request: ReceivedRequest) => [SignedHeaders, ReceivedRequest];
    const changes = fc.oneof(
      fc.constant<Change>((headers, request) => [headers, { ...request, method: 'PATCH' }]),
      fc.constant<Change>((headers, request) => [headers, { ...request, path: `${request.path}/x` }]),
      fc
        .uint8Array({ minLength: 1, maxLength: 3 })
        .map<Change>((more) => (headers, request) => [
          headers,
          { ...request, body: Buffer.concat([request.body, more]) },
        ]),
      userId.map<Change>((other) => (headers, request) => [{ ...headers, userId: `${other}!` }, request]),
      fc.constant<Change>((headers, request) => [{ ...headers, timestamp: '2026-11-22T08:00:01Z' }, request]),
      fc.nat().map<Change>((bit) => (headers, request) => {
        const signature = Buffer.from(headers.signature);
        const at = (bit >> 3) % signature.length;
        signature[at] = signature[at]! ^ (1 << (bit & 7));
        return [{ ...headers, signature }, request];
      }),
      fc
        .nat({ max: 255 })
        .map<Change>((length) => (headers, request) => [
          { ...headers, signature: headers.signature.subarray(0, length) },
          request,
        ]),
      version.map<Change>((other) => (headers, request) => [
        { ...headers, version: other === headers.version ? (other === '1.3' ? '1.2' : '1.3') : other },
        request,
      ]),
    );
    fc.assert(
      fc.property(version, userId, request, changes, (version, userId, request, change) => {
        const headers = read(signRequest({ userId, key: privateKey, version }, request, NOW));
        expect(verifyRequest(...change(headers, request), publicKey)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it('in version 1.3 does not verify with another API version', () => {
    const request = { method: 'GET', path: '/jobs', body: Buffer.alloc(0) };
    const headers = read(
      signRequest({ userId: 'alice', key: privateKey, serverApiVersion: '0' }, request, NOW),
    );
    expect(verifyRequest({ ...headers, serverApiVersion: undefined }, request, publicKey)).toBe(true);
    expect(verifyRequest({ ...headers, serverApiVersion: '1' }, request, publicKey)).toBe(false);
  });

  it('has its signature in lines of 60 characters', () => {
    const request = { method: 'GET', path: '/jobs', body: Buffer.alloc(0) };
    const sent = signRequest({ userId: 'alice', key: privateKey }, request, NOW);
    const lines = [1, 2, 3, 4, 5, 6].map((number) => sent[`X-Ops-Authorization-${number}`]?.length);
    expect(lines).toEqual([60, 60, 60, 60, 60, 44]);
    expect(sent['X-Ops-Authorization-7']).toBeUndefined();
  });
});

describe('a principal’s public key', () => {
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();

  it.each(['spki', 'pkcs1', 'x509'] as const)('is parsed as %s', (form) => {
    expect(parsePublicKey(publicKeyOf(pem, form))?.equals(publicKey)).toBe(true);
  });

  it('is not parsed from anything but an RSA key', () => {
    const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    expect(parsePublicKey(elliptic.export({ type: 'spki', format: 'pem' }).toString())).toBeUndefined();
    expect(parsePublicKey('')).toBeUndefined();
    expect(parsePublicKey('-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n')).toBeUndefined();
  });
});
