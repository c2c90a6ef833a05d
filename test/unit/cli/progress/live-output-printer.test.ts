import { beforeEach, describe, expect, test } from 'vitest';
import { LiveOutputPrinter } from '../../../../src/cli/progress/live-output-printer.js';

let printed: string[];
let printer: LiveOutputPrinter;

beforeEach(() => {
  printed = [];
  printer = new LiveOutputPrinter((channel, lines) => void printed.push(`${channel}> ${lines}`));
});

const add = (chunk: number, text: string | Buffer, fields: { stream?: 'stderr'; skipped?: number } = {}) =>
  printer.add({
    timestamp: 't',
    node: 'web1',
    stream: 'stdout',
    chunk,
    skipped: 0,
    bytes: Buffer.from(text),
    ...fields,
  });

describe('live output of a node', () => {
  test('is printed in complete lines per channel with the node name', () => {
    add(1, 'one\ntw');
    add(2, 'oh\n', { stream: 'stderr' });
    add(3, 'o\r\nthree');
    expect(printed).toEqual(['stdout> web1 | one\n', 'stderr> web1 stderr | oh\n', 'stdout> web1 | two\n']);
    printer.end('web1');
    printer.endAll();
    expect(printed.slice(3)).toEqual(['stdout> web1 | three\n']);
  });

  test('is printed with escaped control characters', () => {
    add(1, '\u001b[2Ja\tb\rc\n');
    expect(printed).toEqual(['stdout> web1 | \\u001b[2Ja\tb\\rc\n']);
  });

  test('contains a notice where output is missing, after the unfinished line', () => {
    add(1, 'a');
    add(2, 'b\n', { skipped: 12 });
    add(5, 'c\n');
    expect(printed).toEqual([
      'stdout> web1 | a\n',
      'stdout> web1 | [12 bytes of output were skipped]\n',
      'stdout> web1 | b\n',
      'stdout> web1 | [some output is missing here]\n',
      'stdout> web1 | c\n',
    ]);
  });

  test('is printed once if chunks are repeated', () => {
    add(1, 'a\n');
    add(2, 'b\n');
    add(1, 'a\n');
    add(3, 'c\n');
    expect(printed.join('')).toBe('stdout> web1 | a\nstdout> web1 | b\nstdout> web1 | c\n');
  });

  test('starts with a notice if its beginning is missing', () => {
    expect(printer.hasOutputOf('web1')).toBe(false);
    add(7, 'c\n');
    expect(printer.hasOutputOf('web1')).toBe(true);
    expect(printed).toEqual(['stdout> web1 | [earlier output is not shown]\n', 'stdout> web1 | c\n']);
  });
});
