import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatDocument } from '../../../../src/cli/output/document.js';

describe('a document', () => {
  const value = [{ command: 'a\u009b31m', node: '\u202eb\u001b', text: 'one\n\ttwo\u007f\n', plain: 'a: b' }];

  it.each(['json', 'yaml'] as const)('escapes control characters and keeps all data: %s', (format) => {
    const text = formatDocument(format, value);
    expect(text).not.toMatch(/[^\P{Cc}\n]|[\u202a-\u202e]/u);
    expect(text).toContain('a\\u009b31m');
    expect(format === 'json' ? JSON.parse(text) : parse(text)).toEqual(value);
  });
});
