import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileNameOf } from '../../../../src/cli/output/file-name.js';

describe('the file name of a node', () => {
  it('is the name of the node if that is safe', () => {
    expect(fileNameOf('web-1.example_com')).toBe('web-1.example_com');
  });

  it('is safe, short and unique for each node', () => {
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

  it('is unique for long names with the same beginning', () => {
    const [one, two] = [fileNameOf(`${'n'.repeat(250)}1`), fileNameOf(`${'n'.repeat(250)}2`)];

    expect(one).not.toBe(two);
    expect(one).toHaveLength(200);
  });
});
