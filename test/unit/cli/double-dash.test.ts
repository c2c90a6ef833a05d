import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markLiteralArguments, unmarkArguments, removeMarks } from '../../../src/cli/double-dash.js';

describe('arguments after --', () => {
  it('are marked and restored, and arguments before it are unchanged', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[^\0]*$/).filter((arg) => arg !== '--')),
        fc.array(fc.stringMatching(/^[^\0]*$/)),
        (before, after) => {
          const parsed = {
            args: markLiteralArguments([...before, '--', ...after]),
            single: `\0${after[0] ?? ''}`,
          };
          expect(parsed.args.slice(0, before.length)).toEqual(before);
          expect(parsed.args.slice(before.length).some((arg) => arg.startsWith('-'))).toBe(false);
          unmarkArguments(parsed);
          expect(parsed).toEqual({ args: [...before, ...after], single: after[0] ?? '' });
        },
      ),
    );
    expect(removeMarks('Unknown argument: \0-x')).toBe('Unknown argument: -x');
  });
});
