import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeClaimedSender,
  decodeClientMessage,
  decodeCommandMessage,
  encodeFrame,
} from '../../../../src/shared/protocol/frame-codec.js';
import { parseHeader } from '../../../../src/shared/protocol/frame-header.js';
import { verifyHmac } from '../../../../src/shared/protocol/frame-signature.js';

const heartbeat = {
  node: 'web1',
  org: 'acme',
  client: 'web1.example.com',
  protocol_version: '2.0',
  type: 'heartbeat',
  sequence: 1,
  timestamp: 'Sun, 22 Nov 2026 08:00:00 GMT',
  incarnation_id: '40452216-c463-4dcf-a99f-f24b398da7d8',
  job_state: 'idle',
  job_id: null,
};
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('encodeFrame', () => {
  it('encodes a frame that verifies and decodes', () => {
    const key = Buffer.alloc(32, 1);
    const [header, body] = encodeFrame(key, heartbeat);
    const parsed = parseHeader(Buffer.from(header));

    expect(parsed.ok && verifyHmac(key, Buffer.from(body), parsed.value.signature)).toBe(true);
    expect(decodeClientMessage(Buffer.from(body))).toEqual({ ok: true, value: heartbeat });
  });
});

describe('decodeClientMessage', () => {
  it('returns a result for any bytes and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeClientMessage(bytes).ok).toBe(false);
      }),
    );
  });

  it('returns a result for any JSON and never throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(decodeClientMessage(json(value))).toEqual({ ok: false, error: 'body_malformed' });
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['half an object', '{"type":"heartbeat"'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
  ])('rejects %s as not JSON', (_what, body) => {
    expect(decodeClientMessage(Buffer.from(body))).toEqual({ ok: false, error: 'body_not_json' });
  });

  it('survives JSON that is nested 30,000 deep', () => {
    const nested = Buffer.from('['.repeat(30_000) + ']'.repeat(30_000));
    expect(decodeClientMessage(nested).ok).toBe(false);
  });

  it.each([
    ['a type that no client sends', { type: 'commit' }],
    ['a type named as a member of every object', { type: 'constructor' }],
    ['no node', { node: undefined }],
    ['an empty node', { node: '' }],
    ['a node that is a number', { node: 1 }],
    ['a sequence below zero', { sequence: -1 }],
    ['a sequence with a fraction', { sequence: 1.5 }],
    ['a sequence too large to count on', { sequence: 2 ** 60 }],
    ['a sequence in quotes', { sequence: '1' }],
    ['an unknown job state', { job_state: 'bored' }],
    ['no incarnation', { incarnation_id: undefined }],
  ])('rejects %s as malformed', (_what, change) => {
    expect(decodeClientMessage(json({ ...heartbeat, ...change }))).toEqual({
      ok: false,
      error: 'body_malformed',
    });
  });

  it('ignores unknown members, also __proto__', () => {
    const body = JSON.stringify(heartbeat).replace('{', '{"__proto__":{"job_state":"running"},"extra":[1],');
    expect(decodeClientMessage(Buffer.from(body))).toEqual({ ok: true, value: heartbeat });
  });
});

describe('an output message', () => {
  const { job_state: _state, ...common } = heartbeat;
  const output = {
    ...common,
    type: 'output',
    job_id: 'a'.repeat(32),
    chunk: 3,
    stream: 'stderr',
    data: 'b2g=',
  };

  it('decodes with and without skipped bytes', () => {
    expect(decodeClientMessage(json(output))).toEqual({ ok: true, value: output });
    expect(decodeClientMessage(json({ ...output, skipped: 9 }))).toMatchObject({ value: { skipped: 9 } });
  });

  it.each([
    ['no job', { job_id: null }],
    ['a number below 1', { chunk: 0 }],
    ['another stream', { stream: 'stdin' }],
    ['data that are not base64', { data: 'oh!' }],
    ['a negative count', { skipped: -1 }],
  ])('is malformed with %s', (_case, fields) => {
    expect(decodeClientMessage(json({ ...output, ...fields }))).toEqual({
      ok: false,
      error: 'body_malformed',
    });
  });
});

describe('an output_wanted message', () => {
  const wish = {
    sequence: 1,
    timestamp: heartbeat.timestamp,
    type: 'output_wanted',
    job_id: 'j',
    every_ms: 250,
  };

  it.each([
    [0, true],
    [60_000, true],
    [-1, false],
    [60_001, false],
  ])('with every_ms %i is valid: %s', (everyMs, isValid) => {
    expect(decodeCommandMessage(json({ ...wish, every_ms: everyMs })).ok).toBe(isValid);
  });
});

describe('decodeClaimedSender', () => {
  it('decodes only the names, whatever else the body holds', () => {
    expect(decodeClaimedSender(json({ org: 'acme', node: 'web1', type: 42 }))).toEqual({
      ok: true,
      value: { org: 'acme', node: 'web1' },
    });
    expect(decodeClaimedSender(json({ org: 'acme' }))).toEqual({ ok: false, error: 'body_malformed' });
    expect(decodeClaimedSender(Buffer.from('{'))).toEqual({ ok: false, error: 'body_not_json' });
  });
});

describe('decodeCommandMessage', () => {
  it('rejects messages that only clients send', () => {
    expect(decodeCommandMessage(json(heartbeat))).toEqual({ ok: false, error: 'body_malformed' });
  });
});
