import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from '../../../../src/cli/output/printable.js';

describe('printable', () => {
  it('escapes control characters', () => {
    expect(printable('a\u001b[2J\r\n\tb\u009b\u202ec\u007f')).toBe(
      'a\\u001b[2J\\r\\n\\tb\\u009b\\u202ec\\u007f',
    );
  });

  it('does not change harmless text', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ -~äöüß☃🙂]*$/u), (text) => {
        expect(printable(text)).toBe(text);
      }),
    );
  });
});
