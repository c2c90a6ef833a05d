import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type HeadersFault,
  parseSignedHeaders,
  type RequestHeaders,
} from '../../../../../src/shared/protocol/chef-signature/signed-headers.js';
import { withHeaders } from '../../../../support/signed-headers.js';

const SENT_AT = Date.parse('2026-11-22T08:00:00Z');
const complete: RequestHeaders = {
  'x-ops-userid': 'alice',
  'x-ops-timestamp': '2026-11-22T08:00:00Z',
  'x-ops-sign': 'algorithm=sha1;version=1.1;',
  'x-ops-content-hash': 'aGFzaA==',
  'x-ops-authorization-1': 'c2ln',
  'x-ops-authorization-2': 'bmF0dXJl',
};

const faultOf = (headers: RequestHeaders, nowMs = SENT_AT): HeadersFault | undefined => {
  const read = parseSignedHeaders(headers, nowMs);
  return read.ok ? undefined : read.error;
};

describe('missing headers', () => {
  it('are named in a fixed order, whatever the order of the request', () => {
    expect(faultOf({})).toEqual({
      kind: 'missing',
      headers: ['X-Ops-UserId', 'X-Ops-Timestamp', 'X-Ops-Sign', 'X-Ops-Content-Hash'],
    });
    expect(
      faultOf(withHeaders(complete, { 'x-ops-content-hash': undefined, 'x-ops-userid': undefined })),
    ).toEqual({
      kind: 'missing',
      headers: ['X-Ops-UserId', 'X-Ops-Content-Hash'],
    });
  });

  it.each(['', '  '])('include a header with the empty value %j', (value) => {
    expect(faultOf(withHeaders(complete, { 'x-ops-sign': value }))).toEqual({
      kind: 'missing',
      headers: ['X-Ops-Sign'],
    });
  });

  it('are reported before an invalid timestamp or version', () => {
    const headers = withHeaders(complete, {
      'x-ops-userid': '',
      'x-ops-timestamp': 'yesterday',
      'x-ops-sign': 'version=9',
    });
    expect(faultOf(headers)).toEqual({ kind: 'missing', headers: ['X-Ops-UserId'] });
  });

  it('do not include the lines of the signature, which is then empty', () => {
    const read = parseSignedHeaders(
      withHeaders(complete, { 'x-ops-authorization-1': undefined, 'x-ops-authorization-2': undefined }),
      SENT_AT,
    );
    expect(read).toMatchObject({ ok: true, value: { signature: Buffer.alloc(0) } });
  });
});

describe('the timestamp', () => {
  it.each([
    'yesterday',
    '2026-11-22 08:00:00',
    '2026-11-22T08:00:00',
    '2026-11-22T08:00:00+00:00',
    '2026-11-22T08:00:00.000Z',
    '2026-13-22T08:00:00Z',
    '2026-02-30T08:00:00Z',
    '2026-11-22T25:00:00Z',
    'Sun, 22 Nov 2026 08:00:00 GMT',
  ])('%s is invalid', (timestamp) => {
    expect(faultOf(withHeaders(complete, { 'x-ops-timestamp': timestamp }))).toEqual({
      kind: 'bad_timestamp',
    });
  });

  it.each([
    ['behind', 900_000],
    ['ahead of', -900_000],
  ])('is accepted up to 900 s %s our clock', (_, offsetMs) => {
    expect(faultOf(complete, SENT_AT + offsetMs)).toBeUndefined();
    expect(faultOf(complete, SENT_AT + offsetMs + Math.sign(offsetMs))).toEqual({
      kind: 'clock_skew',
      userId: 'alice',
    });
  });

  it('is reported before an invalid version', () => {
    const headers = withHeaders(complete, { 'x-ops-sign': 'version=9' });
    expect(faultOf(headers, SENT_AT + 901_000)).toEqual({ kind: 'clock_skew', userId: 'alice' });
    expect(faultOf(withHeaders(headers, { 'x-ops-timestamp': 'x' }))).toEqual({ kind: 'bad_timestamp' });
  });
});

describe('the version in X-Ops-Sign', () => {
  it.each([
    ['version=1.0', '1.0'],
    ['algorithm=sha1;version=1.0;', '1.0'],
    ['algorithm=sha1;version=1.1', '1.1'],
    ['version=1.1;algorithm=sha1;', '1.1'],
    [' algorithm = sha1 ; version = 1.2 ;', '1.2'],
    ['algorithm=sha256;version=1.3;', '1.3'],
    ['version=1.3;', '1.3'],
    ['colour=blue;version=1.3;', '1.3'],
  ])('%s is %s', (sign, version) => {
    const read = parseSignedHeaders(withHeaders(complete, { 'x-ops-sign': sign }), SENT_AT);
    expect(read).toMatchObject({ ok: true, value: { version } });
  });

  it.each([
    'version=1.4',
    'version=2.0;',
    'version=',
    'version',
    '1.0',
    'algorithm=sha1',
    'algorithm=md5;version=1.0',
    'algorithm=sha256;version=1.1;',
    'algorithm=sha1;version=1.3;',
    'version=1.3=1.0',
    'algorithm=sha256=;version=1.3',
    'version=1.3;version=1.3',
    ';;;',
  ])('%s is not supported', (sign) => {
    expect(faultOf(withHeaders(complete, { 'x-ops-sign': sign }))).toEqual({ kind: 'unsupported_version' });
  });
});

describe('the lines of the signature', () => {
  const signatureOf = (lines: Record<string, string>): string | undefined => {
    const { 'x-ops-authorization-1': _1, 'x-ops-authorization-2': _2, ...rest } = complete;
    const read = parseSignedHeaders({ ...lines, ...rest }, SENT_AT);
    return read.ok ? read.value.signature.toString() : undefined;
  };

  it('are joined by their number, in any order of the headers, also beyond nine', () => {
    const text = Buffer.from('a signature of eleven lines, no less').toString('base64');
    const lines = text
      .match(/.{1,5}/g)!
      .map((line, index) => [`x-ops-authorization-${index + 1}`, line] as const);
    expect(lines.length).toBeGreaterThanOrEqual(10);
    expect(signatureOf(Object.fromEntries(lines.reverse()))).toBe('a signature of eleven lines, no less');
  });

  it('end at the first missing number', () => {
    expect(signatureOf({ 'x-ops-authorization-1': 'c2ln', 'x-ops-authorization-3': 'bmF0dXJl' })).toBe('sig');
    expect(signatureOf({ 'x-ops-authorization-2': 'bmF0dXJl' })).toBe('');
  });
});

it('parsing never throws, and never accepts headers without a required one', () => {
  const names = Object.keys(complete);
  const value = fc.option(
    fc.oneof(fc.string(), fc.array(fc.string()), ...Object.values(complete).map(fc.constant)),
    {
      nil: undefined,
    },
  );
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), value), fc.integer(), (headers, skewMs) => {
      const read = parseSignedHeaders(headers, SENT_AT + skewMs);
      if (read.ok) expect(Object.keys(headers)).toEqual(expect.arrayContaining(names.slice(0, 4)));
    }),
  );
});
