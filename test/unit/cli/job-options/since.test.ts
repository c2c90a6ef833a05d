import { describe, expect, it } from 'vitest';
import { parseSince } from '../../../../src/cli/job-options/since.js';

describe('--since', () => {
  const now = Date.parse('2026-11-22T12:00:00Z');

  it.each([
    ['90s', '2026-11-22T11:58:30Z'],
    ['30m', '2026-11-22T11:30:00Z'],
    ['12h', '2026-11-22T00:00:00Z'],
    ['7d', '2026-11-15T12:00:00Z'],
    ['2026-11-01', '2026-11-01T00:00:00Z'],
    ['2026-11-01T10:00:00+02:00', '2026-11-01T08:00:00Z'],
  ])('parses %s', (text, expected) => {
    expect(new Date(parseSince(text, now)).toISOString()).toBe(expected.replace('Z', '.000Z'));
  });

  it.each(['', '5', '1w', 'now', '2026-13-45', '-1h'])('rejects %j', (text) => {
    expect(() => parseSince(text, now)).toThrow('--since must be an age like');
  });
});
