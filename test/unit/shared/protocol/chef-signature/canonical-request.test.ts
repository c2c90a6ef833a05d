import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalPath,
  canonicalRequest,
} from '../../../../../src/shared/protocol/chef-signature/canonical-request.js';

describe('the signed path', () => {
  it.each([
    ['/organizations/acme/pushy/jobs', '/organizations/acme/pushy/jobs'],
    ['/organizations/acme/pushy/jobs/', '/organizations/acme/pushy/jobs'],
    ['//organizations///acme/pushy//jobs//', '/organizations/acme/pushy/jobs'],
    ['/jobs?include_file=true', '/jobs'],
    ['/jobs/?a=/b//c/', '/jobs'],
    ['/jobs?a=1?b=2', '/jobs'],
    ['/nodes/a%2Fb/', '/nodes/a%2Fb'],
    ['/Jobs/ABC', '/Jobs/ABC'],
    ['/', '/'],
    ['//', '/'],
    ['/?a', '/'],
  ])('%s is signed as %s', (sent, signed) => {
    expect(canonicalPath(sent)).toBe(signed);
  });

  it('does not change if it is canonical', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('/', 'a', '%', '?', '.') }), (path) => {
        const once = canonicalPath(path);
        expect(canonicalPath(once)).toBe(once);
        expect(once).not.toMatch(/\/\/|\?|.\/$/);
      }),
    );
  });
});

const parts = {
  method: 'post',
  path: '/organizations/acme//pushy/jobs/?x=1',
  contentHash: 'HASH=',
  timestamp: '2026-11-22T08:00:00Z',
  userId: 'alice',
  serverApiVersion: '2',
};
// base64 of the SHA-1 of "/organizations/acme/pushy/jobs" and of "alice", from `openssl sha1 -binary | base64`.
const HASHED_PATH = 'neMBxh2sSuYvibWwN0kLjkYD3Rg=';
const HASHED_ALICE = 'UisnajVr3zkBPfq+os1D4UHsyeg=';

describe('the signed text', () => {
  it('in version 1.0 has the hashed path and the plain user', () => {
    expect(canonicalRequest({ ...parts, version: '1.0' }).split('\n')).toEqual([
      'Method:POST',
      `Hashed Path:${HASHED_PATH}`,
      'X-Ops-Content-Hash:HASH=',
      'X-Ops-Timestamp:2026-11-22T08:00:00Z',
      'X-Ops-UserId:alice',
    ]);
  });

  it.each(['1.1', '1.2'] as const)('in version %s has the hashed user too', (version) => {
    expect(canonicalRequest({ ...parts, version }).split('\n')).toEqual([
      'Method:POST',
      `Hashed Path:${HASHED_PATH}`,
      'X-Ops-Content-Hash:HASH=',
      'X-Ops-Timestamp:2026-11-22T08:00:00Z',
      `X-Ops-UserId:${HASHED_ALICE}`,
    ]);
  });

  it('in version 1.3 has all values plain, and the API version', () => {
    expect(canonicalRequest({ ...parts, version: '1.3' }).split('\n')).toEqual([
      'Method:POST',
      'Path:/organizations/acme/pushy/jobs',
      'X-Ops-Content-Hash:HASH=',
      'X-Ops-Sign:version=1.3',
      'X-Ops-Timestamp:2026-11-22T08:00:00Z',
      'X-Ops-UserId:alice',
      'X-Ops-Server-API-Version:2',
    ]);
  });

  it('in version 1.3 has API version 0 if the request has none', () => {
    const text = canonicalRequest({ ...parts, serverApiVersion: undefined, version: '1.3' });
    expect(text.split('\n').at(-1)).toBe('X-Ops-Server-API-Version:0');
  });
});
