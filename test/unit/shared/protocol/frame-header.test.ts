import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHeader, parseHeader } from '../../../../src/shared/protocol/frame-header.js';

const parse = (text: string) => parseHeader(Buffer.from(text, 'latin1'));

describe('parseHeader', () => {
  it('parses what formatHeader returns, for any signature', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
        const signature = Buffer.from(bytes).toString('base64');
        expect(parse(formatHeader('hmac_sha256', signature))).toEqual({
          ok: true,
          value: { version: '2.0', method: 'hmac_sha256', signature },
        });
      }),
    );
  });

  it('returns a result for any bytes and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        expect(parseHeader(bytes).ok).toBeTypeOf('boolean');
      }),
    );
  });

  it.each([
    ['parts in another order', 'Signature:AAAA;SigningMethod:hmac_sha256;Version:2.0'],
    ['unknown parts', 'Version:2.0;Colour:blue;SigningMethod:hmac_sha256;Signature:AAAA'],
    ['SignedChecksum for Signature', 'Version:2.0;SigningMethod:hmac_sha256;SignedChecksum:AAAA'],
    ['a semicolon at the end', 'Version:2.0;SigningMethod:hmac_sha256;Signature:AAAA;'],
  ])('accepts %s', (_what, text) => {
    expect(parse(text)).toEqual({
      ok: true,
      value: { version: '2.0', method: 'hmac_sha256', signature: 'AAAA' },
    });
  });

  it('accepts version 1.0 with rsa2048_sha1 only', () => {
    expect(parse('Version:1.0;SigningMethod:rsa2048_sha1;Signature:AAAA')).toMatchObject({ ok: true });
    expect(parse('Version:1.0;SigningMethod:hmac_sha256;Signature:AAAA')).toEqual({
      ok: false,
      error: 'header_version',
    });
  });

  it.each([
    ['', 'header_malformed'],
    ['nothing to see', 'header_malformed'],
    [':;:;:', 'header_malformed'],
    ['Version:2.0;SigningMethod:hmac_sha256', 'header_malformed'],
    ['Version:2.0;Signature:AAAA', 'header_malformed'],
    ['SigningMethod:hmac_sha256;Signature:AAAA', 'header_malformed'],
    ['Version:2.0;SigningMethod:hmac_sha256;Signature:', 'header_malformed'],
    ['Version:2.0;SigningMethod:hmac_sha256;Signature:not base64!', 'header_malformed'],
    ['Version:2.0;Version:2.0;SigningMethod:hmac_sha256;Signature:AAAA', 'header_malformed'],
    ['Version:2.1;SigningMethod:hmac_sha256;Signature:AAAA', 'header_version'],
    ['Version:2.0;SigningMethod:none;Signature:AAAA', 'header_method'],
    [`Version:2.0;SigningMethod:hmac_sha256;Signature:${'A'.repeat(2048)}`, 'header_too_long'],
  ])('rejects %j as %s', (text, error) => {
    expect(parse(text)).toEqual({ ok: false, error });
  });
});
