import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markLiteralWords, unmarkArguments, withoutMarks } from '../../../../src/cli/double-dash.js';
import { fileNameOf } from '../../../../src/cli/output/file-name.js';
import { prefixLines } from '../../../../src/cli/output/prefix-lines.js';
import { cutIntoBatches } from '../../../../src/cli/run/batch-size.js';

describe('the name of a file for a node', () => {
  it('is that of the node where that is harmless', () => {
    expect(fileNameOf('web-1.example_com')).toBe('web-1.example_com');
  });

  it('leads nowhere else, fits into a folder, and is one for each node', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 300 }), { minLength: 2, maxLength: 5 }),
        (nodes) => {
          const names = nodes.map(fileNameOf);
          expect(new Set(names).size).toBe(nodes.length);
          for (const name of names) expect(name).toMatch(/^(?!\.)[\w.%~-]{0,200}$/);
        },
      ),
    );
  });

  it('keeps long names apart that begin alike', () => {
    const [one, two] = [fileNameOf(`${'n'.repeat(250)}1`), fileNameOf(`${'n'.repeat(250)}2`)];

    expect(one).not.toBe(two);
    expect(one).toHaveLength(200);
  });
});

describe('batches', () => {
  it('hold every node once, in order, and none more than the others but the last', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.oneof(
          fc.integer({ min: 1, max: 70 }).map(String),
          fc.integer({ min: 1, max: 100 }).map((part) => `${part}%`),
        ),
        (count, size) => {
          const nodes = Array.from({ length: count }, (_, index) => `n${index}`);
          const batches = cutIntoBatches(nodes, size);
          expect(batches.flat()).toEqual(nodes);
          const [first] = batches;
          for (const batch of batches.slice(1, -1)) expect(batch).toHaveLength(first!.length);
          expect(batches.at(-1)!.length).toBeLessThanOrEqual(first!.length);
        },
      ),
    );
  });
});

describe('words after --', () => {
  it('come back as they were, and those before it are left alone', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[^\0]*$/).filter((word) => word !== '--')),
        fc.array(fc.stringMatching(/^[^\0]*$/)),
        (before, after) => {
          const parsed = { words: markLiteralWords([...before, '--', ...after]), one: `\0${after[0] ?? ''}` };
          expect(parsed.words.slice(0, before.length)).toEqual(before);
          expect(parsed.words.slice(before.length).some((word) => word.startsWith('-'))).toBe(false);
          unmarkArguments(parsed);
          expect(parsed).toEqual({ words: [...before, ...after], one: after[0] ?? '' });
        },
      ),
    );
    expect(withoutMarks('Unknown argument: \0-x')).toBe('Unknown argument: -x');
  });
});

describe('output with a prefix', () => {
  it.each([
    ['', ''],
    ['a', 'n | a\n'],
    ['a\n', 'n | a\n'],
    ['a\r\nb\n', 'n | a\nn | b\n'],
    ['a\n\nb', 'n | a\nn | \nn | b\n'],
    ['a\tb\u0007\n', 'n | a\tb\\u0007\n'],
    ['\n', 'n | \n'],
  ])('makes lines of %j', (text, lines) => {
    expect(prefixLines('n | ', Buffer.from(text))).toBe(lines);
  });
});
