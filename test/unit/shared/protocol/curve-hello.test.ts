import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type CurveHello,
  GREETING_BYTES,
  type HelloOpener,
  loadHelloOpener,
  OPENING_BYTES,
  readCurveOpening,
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

  it('of libzmq is read, whole and not a byte earlier', () => {
    expect(opening).toHaveLength(OPENING_BYTES);
    expect(readCurveOpening(opening)).toMatchObject({
      clientKey: opening.subarray(146, 178),
      nonce: Buffer.concat([Buffer.from('CurveZMQHELLO---'), opening.subarray(178, 186)]),
      box: opening.subarray(186),
    });
    for (let length = 0; length < OPENING_BYTES; length++) {
      expect(readCurveOpening(opening.subarray(0, length))).toBe('unfinished');
    }
  });

  it('is opened by the key of the server that it is meant for, and by no other', async () => {
    const hello = readCurveOpening(opening) as CurveHello;
    const other = decodeCurveKey((await generateCurveKeyPair()).secretKey)!;
    expect(opens(hello, secretKey)).toBe(true);
    expect(opens(hello, other)).toBe(false);
  });

  it('is foreign with anything behind it', () => {
    expect(readCurveOpening(Buffer.concat([opening, Buffer.of(0)]))).toBe('foreign');
  });

  it.each([
    ['another mechanism', 12, 'NULL\0'],
    ['a mechanism whose name only begins so', 17, 'X'],
    ['an older ZMTP', 10, '\x02'],
    ['another server', 32, '\x01'],
    ['a message', 64, '\x00'],
    ['another command', 67, 'READY'],
    ['another version of CurveZMQ', 72, '\x02'],
  ])('is foreign where it is that of %s, as soon as that shows', (_what, at, text) => {
    const changed = Buffer.from(opening);
    changed.write(text, at, 'latin1');
    expect(readCurveOpening(changed)).toBe('foreign');
    expect(readCurveOpening(changed.subarray(0, at + text.length))).toBe('foreign');
  });

  it('does not open for anybody when a bit of key, nonce or box is another', () => {
    const bit = fc.integer({ min: 146 * 8, max: OPENING_BYTES * 8 - 1 });
    fc.assert(
      fc.property(bit, (at) => {
        const changed = Buffer.from(opening);
        changed[at >> 3]! ^= 1 << (at & 7);
        // The highest bit of a Curve25519 key is without meaning.
        return at === 177 * 8 + 7 || !opens(readCurveOpening(changed) as CurveHello, secretKey);
      }),
      { numRuns: 300 },
    );
  });

  it('is never taken for one by chance: garbage is foreign, or opens for nobody', () => {
    const garbage = fc.uint8Array({ maxLength: 2 * OPENING_BYTES });
    const start = fc.integer({ min: 0, max: OPENING_BYTES });
    fc.assert(
      fc.property(garbage, start, (bytes, kept) => {
        const said = Buffer.concat([opening.subarray(0, kept), bytes]);
        const read = readCurveOpening(said);
        if (typeof read === 'string') return true;
        return said.equals(opening) || !opens(read, secretKey);
      }),
    );
    expect(readCurveOpening(Buffer.from('GET / HTTP/1.1\r\n'))).toBe('foreign');
  });

  it('by a key with which nothing can be agreed on opens for nobody', () => {
    const hello = readCurveOpening(opening) as CurveHello;
    expect(opens({ ...hello, clientKey: Buffer.alloc(32) }, secretKey)).toBe(false);
  });
});

it('the greeting of the server is of the length that ZMTP 3 has', () => {
  expect(serverGreeting()).toHaveLength(GREETING_BYTES);
});
