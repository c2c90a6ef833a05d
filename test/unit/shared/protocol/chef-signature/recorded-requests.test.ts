import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  parseSignedHeaders,
  type RequestHeaders,
} from '../../../../../src/shared/protocol/chef-signature/signed-headers.js';
import {
  parsePublicKey,
  verifyRequest,
} from '../../../../../src/shared/protocol/chef-signature/verify-request.js';
import { asReceived, withHeaders } from '../../../../support/signed-headers.js';

interface RecordedRequest {
  readonly label: string;
  readonly public_key: string;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

const { requests } = JSON.parse(
  readFileSync(new URL('../../../../fixtures/signed-requests.json', import.meta.url), 'utf8'),
) as { requests: RecordedRequest[] };

interface Received {
  readonly method: string;
  readonly path: string;
  readonly body: Buffer;
  readonly headers: RequestHeaders;
}

const received = (recorded: RecordedRequest): Received => ({
  method: recorded.method,
  path: recorded.path,
  body: Buffer.from(recorded.body),
  headers: asReceived(Object.fromEntries(recorded.headers)),
});

const NOW = Date.parse('2026-11-22T08:40:00Z');

const verifies = (request: Received, publicKey: string): boolean => {
  const read = parseSignedHeaders(request.headers, NOW);
  return read.ok && verifyRequest(read.value, request, parsePublicKey(publicKey)!);
};

const changed = (request: Received, name: string, value: string): Received => ({
  ...request,
  headers: withHeaders(request.headers, { [name]: value }),
});

const cases = requests.map((recorded) => ({
  ...recorded,
  name: `${recorded.label}: ${recorded.method} ${recorded.path}`,
}));

describe.each(cases)('a request recorded from knife, $name', (recorded) => {
  const request = received(recorded);
  const version = /version=([\d.]+)/.exec(String(request.headers['x-ops-sign']))?.[1];

  it('verifies as sent, with any query', () => {
    expect(verifies(request, recorded.public_key)).toBe(true);
    expect(verifies({ ...request, path: `${request.path}?some=query` }, recorded.public_key)).toBe(true);
  });

  it.each([
    ['method', { ...request, method: request.method === 'GET' ? 'POST' : 'GET' }],
    ['path', { ...request, path: `${request.path}x` }],
    ['path in other letters', { ...request, path: request.path.replace('acme', 'Acme') }],
    ['body', { ...request, body: Buffer.concat([request.body, Buffer.from(' ')]) }],
    ['user', changed(request, 'x-ops-userid', 'bob')],
    ['timestamp', changed(request, 'x-ops-timestamp', '2026-11-22T08:40:00Z')],
    ['content hash', changed(request, 'x-ops-content-hash', 'O+PiLU34sbm+DzHWgXYfAI+DTeN=')],
    ['version', changed(request, 'x-ops-sign', version === '1.1' ? 'version=1.0' : 'version=1.1')],
    ['signature (a line left out)', changed(request, 'x-ops-authorization-6', '')],
    [
      'signature (two lines exchanged)',
      {
        ...request,
        headers: {
          ...request.headers,
          'x-ops-authorization-1': request.headers['x-ops-authorization-2'],
          'x-ops-authorization-2': request.headers['x-ops-authorization-1'],
        },
      },
    ],
  ])('does not verify with another %s', (_, forged) => {
    expect(verifies(forged, recorded.public_key)).toBe(false);
  });

  it('is bound to the API version only in version 1.3', () => {
    const forged = changed(request, 'x-ops-server-api-version', '7');
    expect(verifies(forged, recorded.public_key)).toBe(version !== '1.3');
  });
});

it('the recordings cover versions 1.0, 1.1 and 1.3, with and without a body', () => {
  const kinds = requests.map(
    ({ headers, method }) => `${String(Object.fromEntries(headers)['X-Ops-Sign'])} ${method}`,
  );
  expect([...new Set(kinds)].sort()).toEqual([
    'algorithm=sha1;version=1.0; GET',
    'algorithm=sha1;version=1.0; POST',
    'algorithm=sha1;version=1.1; GET',
    'algorithm=sha1;version=1.1; POST',
    'algorithm=sha256;version=1.3; GET',
    'algorithm=sha256;version=1.3; POST',
  ]);
});
