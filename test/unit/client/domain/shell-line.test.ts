import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildShellLine } from '../../../../src/client/domain/shell-line.js';
import { findInWhitelist, type Whitelist } from '../../../../src/client/domain/whitelist.js';

const run = (commandLine: string, groups: readonly string[]): string => {
  const { line, parameters } = buildShellLine({ entry: { commandLine }, groups });
  return execFileSync('/bin/sh', ['-c', line, 'sh', ...parameters], { encoding: 'utf8' });
};

/** Text with everything that a shell could interpret; arguments cannot contain NUL. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '"',
        "'",
        '\\',
        '$',
        '`',
        '$(id)',
        '`id`',
        ';',
        '&',
        '|',
        '\n',
        ' ',
        '*',
        '~',
        '#',
        '${1}',
        '\\1',
        '>x',
        '!',
      ),
      fc.string({ unit: 'grapheme', maxLength: 5 }).map((text) => text.replaceAll('\0', '')),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''))
  .filter((text) => Buffer.from(text).toString() === text);

describe('the text of a group arrives as one literal word', () => {
  test.each([
    ['without quotes', `printf '<%s>' \\1`, '<', '>'],
    ['within double quotes', `printf '<%s>' "a \\1 b"`, '<a ', ' b>'],
    ['within single quotes', `printf '<%s>' 'a \\1 b'`, '<a ', ' b>'],
    ['after an escaped quote', `printf '<%s>' \\"\\1\\'`, '<"', `'>`],
    ['joined to a word', `printf '<%s>' --x=\\1.txt`, '<--x=', '.txt>'],
    ['within a substitution', `printf '<%s>' "$(printf '[%s]' \\1)"`, '<[', ']>'],
    ['within a substitution by backticks', 'printf "<%s>" "`printf \'[%s]\' \\1`"', '<[', ']>'],
    ['after brackets', `printf '<%s>' "$(printf '%s|' ')(' ")(" \\(\\) \\1)"`, '<)(|)(|()|', '|>'],
    [
      'within a nested substitution',
      `printf '<%s>' "$( (printf '%s' "$(printf '[%s]' "\\1")") )"`,
      '<[',
      ']>',
    ],
    ['after closed quotes', `printf '<%s>' "it's"\\1'"'`, "<it's", '">'],
  ])('%s', (_, commandLine, before, after) => {
    fc.assert(
      fc.property(hostileText, (text) => {
        expect(run(commandLine, ['', text])).toBe(`${before}${text}${after}`);
      }),
      { numRuns: 40 },
    );
  });

  test('never runs it, even if the quotes around it cannot be determined', () => {
    const folder = mkdtempSync(join(tmpdir(), 'shell-line-'));
    const marker = join(folder, 'marker');
    const payload = `$(touch ${marker}); touch ${marker} \`touch ${marker}\`\ntouch ${marker}\n'; touch ${marker}; '`;
    for (const commandLine of [
      'echo "$(echo \\1)"',
      'echo "`echo \\1`"',
      'echo "${X:-\\1}"',
      'cat <<END\n\\1\nEND',
      ": # it's \\1\necho end",
      'X=\\1; echo $X',
    ]) {
      run(commandLine, ['', payload]);
      expect(existsSync(marker)).toBe(false);
    }
    rmSync(folder, { recursive: true });
  });
});

test('inserts groups by number, \\0 as the whole name, and unused groups as empty text', () => {
  const whitelist: Whitelist = {
    exact: new Map(),
    patterns: [
      {
        text: '/(a)(b)?(c)/',
        whole: /^(a)(b)?(c)$/,
        part: /(a)(b)?(c)/,
        entry: { commandLine: "printf '<%s>' \\3 \\2 \\1 \\0 \\9" },
      },
    ],
  };
  const match = findInWhitelist(whitelist, 'ac');
  const { line, parameters } = buildShellLine(match!);
  const output = execFileSync('/bin/sh', ['-c', line, 'sh', ...parameters], { encoding: 'utf8' });
  expect(output).toBe('<c><><a><ac><>');
});

test.each(['echo $((\\1 + 1))', 'echo "$((\\1 + 1))"'])('a number can be used in arithmetic: %s', (line) =>
  expect(run(line, ['', '41'])).toBe('42\n'),
);

test('leaves the command line of an exact name unchanged', () => {
  expect(buildShellLine({ entry: { commandLine: 'sed s/\\(a\\)/\\1/' } })).toEqual({
    line: 'sed s/\\(a\\)/\\1/',
    parameters: [],
  });
});
