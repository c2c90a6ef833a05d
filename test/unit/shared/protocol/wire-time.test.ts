import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatChefTimestamp,
  formatFeedTimestamp,
  formatRfc1123,
  parseChefTimestamp,
  parseFeedTimestamp,
  parseRfc1123,
} from '../../../../src/shared/protocol/wire-time.js';

const EIGHT = Date.parse('2026-11-22T08:00:00Z');
/** Whole seconds of the years 1970 to 9999. */
const wholeSecond = fc.integer({ min: 0, max: 253_402_300_799 }).map((seconds) => seconds * 1000);

describe('dates in frames and REST responses', () => {
  it('are RFC 1123 in GMT without fractions of a second', () => {
    expect(formatRfc1123(EIGHT + 999)).toBe('Sun, 22 Nov 2026 08:00:00 GMT');
  });

  it.each([
    'Sun, 22 Nov 2026 08:00:00 GMT',
    'Sun, 22 Nov 2026 08:00:00 -0000',
    'Sun, 22 Nov 2026 08:00:00 +0000',
  ])('%s is valid', (text) => {
    expect(parseRfc1123(text)).toBe(EIGHT);
  });

  it.each([
    '',
    'now',
    'Sun, 22 Nov 2026 08:00:00',
    'Sun, 22 Nov 2026 08:00:00 CET',
    'Sun, 22 Nov 2026 08:00:00 +0100',
    'Sun, 22 Nov 2026 25:00:00 GMT',
    '22 Nov 2026 08:00:00 GMT',
    '2026-11-22T08:00:00Z',
    'Sun, 22 Nov 2026 08:00:00 GMT ',
  ])('%j is invalid', (text) => {
    expect(parseRfc1123(text)).toBeUndefined();
  });

  it('survive formatting and parsing', () => {
    fc.assert(fc.property(wholeSecond, (ms) => parseRfc1123(formatRfc1123(ms)) === ms));
  });
});

describe('the time of a signed request', () => {
  it('is ISO 8601 in UTC without fractions of a second', () => {
    expect(formatChefTimestamp(EIGHT + 999)).toBe('2026-11-22T08:00:00Z');
  });

  it('survives formatting and parsing', () => {
    fc.assert(fc.property(wholeSecond, (ms) => parseChefTimestamp(formatChefTimestamp(ms)) === ms));
  });

  it('is invalid for a day that does not exist', () => {
    expect(parseChefTimestamp('2026-02-29T08:00:00Z')).toBeUndefined();
    expect(parseChefTimestamp('2028-02-29T08:00:00Z')).toBe(Date.UTC(2028, 1, 29, 8));
    expect(parseChefTimestamp('2026-11-22T24:00:00Z')).toBeUndefined();
  });
});

describe('times in feeds', () => {
  it.each([
    [EIGHT * 1000, '2026-11-22 08:00:00.000000Z'],
    [EIGHT * 1000 + 1_123_456, '2026-11-22 08:00:01.123456Z'],
    [EIGHT * 1000 + 7, '2026-11-22 08:00:00.000007Z'],
  ])('%d microseconds are %s', (micros, text) => {
    expect(formatFeedTimestamp(micros)).toBe(text);
    expect(parseFeedTimestamp(text)).toBe(micros);
  });

  it.each(['', '2026-11-22T08:00:00.000000Z', '2026-11-22 08:00:00Z', '2026-13-22 08:00:00.000000Z'])(
    "'%s' is invalid",
    (text) => {
      expect(parseFeedTimestamp(text)).toBeUndefined();
    },
  );
});
