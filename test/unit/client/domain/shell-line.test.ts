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

/** Text with all that a shell could take for something else; NUL can stand in no argument. */
const nasty = fc
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

describe('what a group matched arrives as one literal word', () => {
  test.each([
    ['without quotes', `printf '<%s>' \\1`, '<', '>'],
    ['within double quotes', `printf '<%s>' "a \\1 b"`, '<a ', ' b>'],
    ['within single quotes', `printf '<%s>' 'a \\1 b'`, '<a ', ' b>'],
    ['after an escaped quote', `printf '<%s>' \\"\\1\\'`, '<"', `'>`],
    ['joined to a word', `printf '<%s>' --x=\\1.txt`, '<--x=', '.txt>'],
    ['within a substitution', `printf '<%s>' "$(printf '[%s]' \\1)"`, '<[', ']>'],
    ['within a substitution by backticks', 'printf "<%s>" "`printf \'[%s]\' \\1`"', '<[', ']>'],
    ['after brackets', `printf '<%s>' "$(printf '%s|' ')(' ")(" \\(\\) \\1)"`, '<)(|)(|()|', '|>'],
    ['within one that is nested', `printf '<%s>' "$( (printf '%s' "$(printf '[%s]' "\\1")") )"`, '<[', ']>'],
    ['after quotes that were closed', `printf '<%s>' "it's"\\1'"'`, "<it's", '">'],
  ])('%s', (_, commandLine, before, after) => {
    fc.assert(
      fc.property(nasty, (text) => {
        expect(run(commandLine, ['', text])).toBe(`${before}${text}${after}`);
      }),
      { numRuns: 40 },
    );
  });

  test('and is never run, even where the quotes around it are beyond telling', () => {
    const folder = mkdtempSync(join(tmpdir(), 'shell-line-'));
    const made = join(folder, 'made');
    const payload = `$(touch ${made}); touch ${made} \`touch ${made}\`\ntouch ${made}\n'; touch ${made}; '`;
    for (const commandLine of [
      'echo "$(echo \\1)"',
      'echo "`echo \\1`"',
      'echo "${X:-\\1}"',
      'cat <<END\n\\1\nEND',
      ": # it's \\1\necho end",
      'X=\\1; echo $X',
    ]) {
      run(commandLine, ['', payload]);
      expect(existsSync(made)).toBe(false);
    }
    rmSync(folder, { recursive: true });
  });
});

test('groups by number, \\0 the whole name, one that took no part is empty', () => {
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
  const said = execFileSync('/bin/sh', ['-c', line, 'sh', ...parameters], { encoding: 'utf8' });
  expect(said).toBe('<c><><a><ac><>');
});

test.each(['echo $((\\1 + 1))', 'echo "$((\\1 + 1))"'])('a number can be reckoned with: %s', (line) =>
  expect(run(line, ['', '41'])).toBe('42\n'),
);

test('the line of an exact name stays as it is', () => {
  expect(buildShellLine({ entry: { commandLine: 'sed s/\\(a\\)/\\1/' } })).toEqual({
    line: 'sed s/\\(a\\)/\\1/',
    parameters: [],
  });
});
