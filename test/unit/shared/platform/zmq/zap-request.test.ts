import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { answerZapRequest } from '../../../../../src/shared/platform/zmq/zap-request.js';

const DOMAIN = 'push-jobs';
const KEY = Buffer.alloc(32, 5);
const everybody = (): boolean => true;

const request = (change: Partial<Record<number, string | Buffer>> = {}): Buffer[] => {
  const frames: (string | Buffer)[] = ['1.0', 'id-1', DOMAIN, '127.0.0.1', '', 'CURVE', KEY];
  for (const [index, frame] of Object.entries(change)) frames[Number(index)] = frame!;
  return frames.map((frame) => Buffer.from(frame));
};

const statusOf = (frames: Buffer[], accepts: (key: Buffer) => boolean = everybody): string =>
  answerZapRequest(frames, DOMAIN, accepts)[2];

describe('answerZapRequest', () => {
  it('accepts a known Curve key and repeats the request id', () => {
    const accepts = vi.fn(everybody);
    const [version, requestId, status, , userId, metadata] = answerZapRequest(request(), DOMAIN, accepts);

    expect(accepts).toHaveBeenCalledExactlyOnceWith(KEY);
    expect([version, String(requestId), status, userId, metadata]).toEqual(['1.0', 'id-1', '200', '', null]);
  });

  it('rejects an unknown Curve key', () => {
    expect(statusOf(request(), () => false)).toBe('400');
  });

  it.each([
    ['the NULL mechanism', request({ 5: 'NULL' }).slice(0, 6)],
    ['the PLAIN mechanism', request({ 5: 'PLAIN', 6: 'name', 7: 'password' })],
    ['a mechanism in small letters', request({ 5: 'curve' })],
    ['another domain', request({ 2: 'elsewhere' })],
    ['no domain', request({ 2: '' })],
    ['a key that is too short', request({ 6: KEY.subarray(1) })],
    ['a key in Z85', request({ 6: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7' })],
    ['no key', request().slice(0, 6)],
    ['two keys', request({ 7: KEY })],
  ])('rejects %s without a lookup of the key', (_what, frames) => {
    const accepts = vi.fn(everybody);
    expect(statusOf(frames, accepts)).toBe('400');
    expect(accepts).not.toHaveBeenCalled();
  });

  it.each([
    ['no frames', []],
    ['another version', request({ 0: '2.0' })],
    ['a version alone', request().slice(0, 1)],
    ['a request cut short', request().slice(0, 5)],
  ])('answers %s with an error', (_what, frames) => {
    expect(statusOf(frames)).toBe('500');
  });

  it('rejects a key if its lookup fails', () => {
    const failing = (): boolean => {
      throw new Error('the sessions are gone');
    };
    expect(statusOf(request(), failing)).toBe('500');
  });

  it('never answers an incomplete request with 200', () => {
    const frames = fc.array(
      fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom('1.0', DOMAIN, 'CURVE')),
    );
    fc.assert(
      fc.property(frames, (parts) => {
        const asked = parts.map((part) => Buffer.from(part as Uint8Array));
        const isWhole = asked.length === 7 && String(asked[0]) === '1.0' && String(asked[2]) === DOMAIN;
        fc.pre(!isWhole);
        expect(statusOf(asked)).not.toBe('200');
      }),
    );
  });
});
