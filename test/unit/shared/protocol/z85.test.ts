import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  curvePublicKeyOf,
  decodeCurveKey,
  generateCurveKeyPair,
} from '../../../../src/shared/protocol/curve-key.js';
import { decodeZ85, encodeZ85 } from '../../../../src/shared/protocol/z85.js';

describe('Z85', () => {
  it('matches the example of ZeroMQ RFC 32', () => {
    const bytes = Buffer.from('864fd26fb559f75b', 'hex');
    expect(encodeZ85(bytes)).toBe('HelloWorld');
    expect(decodeZ85('HelloWorld')).toEqual(bytes);
  });

  it('decodes what it encodes', () => {
    const wholeWords = fc.uint8Array({ maxLength: 64 }).map((bytes) => bytes.slice(0, bytes.length & ~3));
    fc.assert(
      fc.property(wholeWords, (bytes) => {
        expect(decodeZ85(encodeZ85(bytes))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it.each(['Hell', 'HelloWorl~', 'Hello World', '#####', 'ééééé'])('does not decode %j', (text) => {
    expect(decodeZ85(text)).toBeUndefined();
  });

  it('encodes multiples of 4 bytes only', () => {
    expect(() => encodeZ85(new Uint8Array(3))).toThrow('multiple of 4');
  });
});

describe('Curve keys', () => {
  it('derive the public key from the secret key', async () => {
    const pair = await generateCurveKeyPair();
    expect(await curvePublicKeyOf(pair.secretKey)).toBe(pair.publicKey);
    expect(decodeCurveKey(pair.publicKey)).toHaveLength(32);
  });

  it('match the example key pair of the ZeroMQ manual', async () => {
    expect(await curvePublicKeyOf('JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6')).toBe(
      'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7',
    );
  });

  it.each(['', 'short', 'x'.repeat(45)])('are not %j', async (text) => {
    expect(decodeCurveKey(text)).toBeUndefined();
    expect(await curvePublicKeyOf(text)).toBeUndefined();
  });
});
