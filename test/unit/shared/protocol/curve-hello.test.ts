import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type CurveHello,
  GREETING_BYTES,
  type HelloOpener,
  loadHelloOpener,
  OPENING_BYTES,
  parseCurveOpening,
  serverGreeting,
} from '../../../../src/shared/protocol/curve-hello.js';
import {
  type CurveKeyPair,
  decodeCurveKey,
  generateCurveKeyPair,
} from '../../../../src/shared/protocol/curve-key.js';
import { recordCurveOpening } from '../../../support/curve-opening.js';

describe('the opening of a Curve client', () => {
  let server: CurveKeyPair;
  let opening: Buffer;
  let opens: HelloOpener;
  let secretKey: Buffer;

  beforeAll(async () => {
    server = await generateCurveKeyPair();
    secretKey = decodeCurveKey(server.secretKey)!;
    opening = await recordCurveOpening(server.publicKey);
    opens = await loadHelloOpener();
  });

  it('of libzmq is parsed when its last byte arrives, not earlier', () => {
    expect(opening).toHaveLength(OPENING_BYTES);
    expect(parseCurveOpening(opening)).toMatchObject({
      clientKey: opening.subarray(146, 178),
      nonce: Buffer.concat([Buffer.from('CurveZMQHELLO---'), opening.subarray(178, 186)]),
      box: opening.subarray(186),
    });
    for (let length = 0; length < OPENING_BYTES; length++) {
      expect(parseCurveOpening(opening.subarray(0, length))).toBe('unfinished');
    }
  });

  it('is opened only by the key of its server', async () => {
    const hello = parseCurveOpening(opening) as CurveHello;
    const other = decodeCurveKey((await generateCurveKeyPair()).secretKey)!;
    expect(opens(hello, secretKey)).toBe(true);
    expect(opens(hello, other)).toBe(false);
  });

  it('is foreign if more bytes follow', () => {
    expect(parseCurveOpening(Buffer.concat([opening, Buffer.of(0)]))).toBe('foreign');
  });

  it.each([
    ['another mechanism', 12, 'NULL\0'],
    ['a mechanism whose name only begins so', 17, 'X'],
    ['an older ZMTP', 10, '\x02'],
    ['another server', 32, '\x01'],
    ['a message', 64, '\x00'],
    ['another command', 67, 'READY'],
    ['another version of CurveZMQ', 72, '\x02'],
  ])('is foreign as soon as it shows %s', (_what, at, text) => {
    const changed = Buffer.from(opening);
    changed.write(text, at, 'latin1');
    expect(parseCurveOpening(changed)).toBe('foreign');
    expect(parseCurveOpening(changed.subarray(0, at + text.length))).toBe('foreign');
  });

  it('does not open if a bit of key, nonce or box differs', () => {
    const bit = fc.integer({ min: 146 * 8, max: OPENING_BYTES * 8 - 1 });
    fc.assert(
      fc.property(bit, (at) => {
        const changed = Buffer.from(opening);
        changed[at >> 3]! ^= 1 << (at & 7);
        // Curve25519 ignores the highest bit of a key.
        return at === 177 * 8 + 7 || !opens(parseCurveOpening(changed) as CurveHello, secretKey);
      }),
      { numRuns: 300 },
    );
  });

  it('is never accepted for random bytes: they are foreign or do not open', () => {
    const garbage = fc.uint8Array({ maxLength: 2 * OPENING_BYTES });
    const start = fc.integer({ min: 0, max: OPENING_BYTES });
    fc.assert(
      fc.property(garbage, start, (bytes, kept) => {
        const said = Buffer.concat([opening.subarray(0, kept), bytes]);
        const read = parseCurveOpening(said);
        if (typeof read === 'string') return true;
        return said.equals(opening) || !opens(read, secretKey);
      }),
    );
    expect(parseCurveOpening(Buffer.from('GET / HTTP/1.1\r\n'))).toBe('foreign');
  });

  it('does not open with a degenerate client key', () => {
    const hello = parseCurveOpening(opening) as CurveHello;
    expect(opens({ ...hello, clientKey: Buffer.alloc(32) }, secretKey)).toBe(false);
  });
});

it('the greeting of the server has the length of ZMTP 3', () => {
  expect(serverGreeting()).toHaveLength(GREETING_BYTES);
});
