import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signRequest } from '../../src/shared/protocol/chef-signature/sign-request.js';
import { parseSignedHeaders } from '../../src/shared/protocol/chef-signature/signed-headers.js';
import {
  type ReceivedRequest,
  verifyRequest,
} from '../../src/shared/protocol/chef-signature/verify-request.js';
import { asReceived } from '../support/signed-headers.js';
import { rubyAccepts, rubySign } from './support/ruby.js';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const post = {
  method: 'POST',
  path: '/organizations/acme//pushy/jobs/?include_file=true',
  body: Buffer.from('{"command":"chef-client","nodes":["wêb1"]}\n'),
};
const get = { method: 'GET', path: '/organizations/acme/pushy/node_states', body: Buffer.alloc(0) };

const VERSIONS = ['1.0', '1.1', '1.3'] as const;

describe.each(VERSIONS)('a request signed by mixlib-authentication with version %s', (version) => {
  const weAccept = (sent: Record<string, string>, request: ReceivedRequest): boolean => {
    const headers = parseSignedHeaders(asReceived(sent), Date.now());
    return headers.ok && verifyRequest(headers.value, request, publicKey);
  };
  const identity = { user: 'alice', key: privateKey, version };

  it.each([post, get])('is accepted by our verifier: $method $path', async (request) => {
    const sent = await rubySign({ ...identity, ...request, now: Date.now(), serverApiVersion: '2' });
    expect(weAccept(sent, request)).toBe(true);
  });

  it('is accepted without an API version', async () => {
    expect(weAccept(await rubySign({ ...identity, ...get, now: Date.now() }), get)).toBe(true);
  });

  it('is rejected if any part of it has changed', async () => {
    const sent = await rubySign({ ...identity, ...post, now: Date.now(), serverApiVersion: '2' });
    expect(weAccept(sent, { ...post, method: 'PUT' })).toBe(false);
    expect(weAccept(sent, { ...post, path: '/organizations/other/pushy/jobs' })).toBe(false);
    expect(weAccept(sent, { ...post, body: Buffer.from('{}') })).toBe(false);
    expect(weAccept({ ...sent, 'X-Ops-Userid': 'bob' }, post)).toBe(false);
    expect(weAccept({ ...sent, 'X-Ops-Timestamp': new Date().toISOString() }, post)).toBe(false);
    expect(weAccept({ ...sent, 'X-Ops-Server-API-Version': '0' }, post)).toBe(version !== '1.3');
  });
});

describe.each(VERSIONS)('a request signed by our signer with version %s', (version) => {
  const signer = { userId: 'alice', key: privateKey, version };

  it.each([post, get])('is accepted by mixlib-authentication: $method $path', async (request) => {
    const headers = signRequest(signer, request, Date.now());
    expect(await rubyAccepts({ ...request, headers, publicKey })).toBe(true);
  });

  it('is rejected by mixlib-authentication with another body', async () => {
    const headers = signRequest(signer, post, Date.now());
    expect(await rubyAccepts({ ...post, body: Buffer.from('{}'), headers, publicKey })).toBe(false);
  });
});
