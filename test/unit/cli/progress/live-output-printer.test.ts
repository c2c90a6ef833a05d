import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { LineSplitter } from '../../../../src/cli/output/line-splitter.js';
import { LiveOutputPrinter } from '../../../../src/cli/progress/live-output-printer.js';

let printed: string[];
let printer: LiveOutputPrinter;

beforeEach(() => {
  printed = [];
  printer = new LiveOutputPrinter((channel, lines) => void printed.push(`${channel}> ${lines}`));
});

const comes = (chunk: number, text: string | Buffer, fields: { stream?: 'stderr'; skipped?: number } = {}) =>
  printer.take({
    timestamp: 't',
    node: 'web1',
    stream: 'stdout',
    chunk,
    skipped: 0,
    bytes: Buffer.from(text),
    ...fields,
  });

describe('output of a node', () => {
  test('is printed in whole lines, each channel by itself, with the name of the node', () => {
    comes(1, 'one\ntw');
    comes(2, 'oh\n', { stream: 'stderr' });
    comes(3, 'o\r\nthree');
    expect(printed).toEqual(['stdout> web1 | one\n', 'stderr> web1 stderr | oh\n', 'stdout> web1 | two\n']);
    printer.end('web1');
    printer.endAll();
    expect(printed.slice(3)).toEqual(['stdout> web1 | three\n']);
  });

  test('cannot steer the terminal', () => {
    comes(1, '\u001b[2Ja\tb\rc\n');
    expect(printed).toEqual(['stdout> web1 | \\u001b[2Ja\tb\\rc\n']);
  });

  test('says where something is missing, after the line that it broke off', () => {
    comes(1, 'a');
    comes(2, 'b\n', { skipped: 12 });
    comes(5, 'c\n');
    expect(printed).toEqual([
      'stdout> web1 | a\n',
      'stdout> web1 | [12 bytes of output were skipped]\n',
      'stdout> web1 | b\n',
      'stdout> web1 | [some output is missing here]\n',
      'stdout> web1 | c\n',
    ]);
  });

  test('is printed once, also where it comes again', () => {
    comes(1, 'a\n');
    comes(2, 'b\n');
    comes(1, 'a\n');
    comes(3, 'c\n');
    expect(printed.join('')).toBe('stdout> web1 | a\nstdout> web1 | b\nstdout> web1 | c\n');
  });

  test('that was not seen from its beginning says so', () => {
    expect(printer.knows('web1')).toBe(false);
    comes(7, 'c\n');
    expect(printer.knows('web1')).toBe(true);
    expect(printed).toEqual(['stdout> web1 | [earlier output is not shown]\n', 'stdout> web1 | c\n']);
  });
});

describe('bytes as lines', () => {
  test('are the same lines wherever they are cut', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[aé☃😀\n]*$/u),
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }),
        (text, sizes) => {
          const splitter = new LineSplitter();
          const bytes = Buffer.from(text);
          const lines: string[] = [];
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const size = sizes[turn % sizes.length]!;
            lines.push(...splitter.take(bytes.subarray(at, at + size)));
            at += size;
          }
          expect([...lines, ...splitter.end()].join('\n')).toBe(text.replace(/\n$/, ''));
        },
      ),
    );
  });

  test('that have no end come out all the same when they are many', () => {
    const splitter = new LineSplitter();
    expect(splitter.take(Buffer.from('x'.repeat(10_000)))).toEqual(['x'.repeat(10_000)]);
    expect(splitter.end()).toEqual([]);
  });
});
