import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  buildShellLine,
  findShellLineFault,
  type ShellLine,
} from '../../../../src/client/domain/shell-line.js';
import {
  type CompiledRegexp,
  compileRegexp,
} from '../../../../src/shared/lib/ruby-settings/compile-regexp.js';
import { RubyRegexp } from '../../../../src/shared/lib/ruby-settings/ruby-value.js';
import {
  findInWhitelist,
  type Whitelist,
  type WhitelistMatch,
} from '../../../../src/client/domain/whitelist.js';

const build = (match: WhitelistMatch): ShellLine => {
  const built = buildShellLine(match);
  if (!built.ok) throw new Error(built.error);
  return built.value;
};

const run = (commandLine: string, groups: readonly string[]): string => {
  const { line, parameters } = build({ entry: { commandLine }, groups });
  return execFileSync('/bin/sh', ['-c', line, 'sh', ...parameters], { encoding: 'utf8' });
};

const compiled = (source: string): CompiledRegexp => {
  const result = compileRegexp(new RubyRegexp(source, ''));
  if (!result.ok) throw new Error(result.error.reason);
  return result.value;
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
    ['after a comment with an apostrophe', `true # it's\nprintf '<%s>' \\1`, '<', '>'],
    ['after a comment with quotes and brackets', `true # " ( \` $(\nprintf '<%s>' \\1`, '<', '>'],
    ['after a comment in a substitution', `printf '<%s>' "$(: # it's )\nprintf '[%s]' \\1)"`, '<[', ']>'],
    ['after a number sign within a word', `printf '<%s>' it\\'s#'a \\1'`, `<it's#a `, '>'],
    ['in a here-document', `cat <<END\nit's "\\1" $(echo \\\\)\nEND\n`, `it's "`, `" \\\n`],
    ['after a here-document', `cat <<'END' >/dev/null\nit's\nEND\nprintf '<%s>' \\1`, '<', '>'],
    ['as the word of a parameter', `printf '<%s>' "\${UNSET:-\\1}"`, '<', '>'],
    ['as the word of a parameter without quotes', `printf '<%s>' \${UNSET:-\\1}`, '<', '>'],
    ['in a function', `f() { printf '<%s>' "$1" \\1; }; f x`, '<x><', '>'],
    ['after the parameters were replaced', `set -- x; shift; printf '<%s>' \\1`, '<', '>'],
    ['after an escaped dollar', `printf '<%s>' "\\$\\1"`, '<$', '>'],
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
        expression: compiled('(a)(b)?(c)'),
        entry: { commandLine: "printf '<%s>' \\3 \\2 \\1 \\0 \\9" },
      },
    ],
  };
  const match = findInWhitelist(whitelist, 'ac');
  const { line, parameters } = build(match!);
  const output = execFileSync('/bin/sh', ['-c', line, 'sh', ...parameters], { encoding: 'utf8' });
  expect(output).toBe('<c><><a><ac><>');
});

describe('in arithmetic, which shells evaluate', () => {
  test.each(['echo $((\\1 + 1))', 'echo "$((\\1 + 1))"', 'echo $(( $(echo \\1) + 1))'])(
    '%s takes a number',
    (line) => expect(run(line, ['', '41'])).toBe('42\n'),
  );

  test.each(['a[$(id)]', 'HOME', '', '1+1', '010', '0x1f', '1 2'])('%j is declined', (value) => {
    const built = buildShellLine({ entry: { commandLine: 'echo $((\\1 + 1))' }, groups: ['', value] });
    expect(built).toEqual({
      ok: false,
      error: expect.stringContaining('\\1 must be a whole number') as string,
    });
  });
});

test.each([
  [`cat <<'END'\n\\1\nEND`, 'a here-document without expansion'],
  ['cat <<< \\1', 'this use of <<'],
  ['echo "$(cat <<END\n\\1\nEND\n)"', 'this use of <<'],
  [`echo $'it\\'s' \\1`, "$ before '"],
  ['echo "$\\1"', '$ before \\'],
  ['[[ \\1 -eq 1 ]]', '[['],
  ['let x=\\1', 'let'],
  ['((x = \\1))', '(('],
  ['echo $[\\1]', '$ before ['],
  ['echo ${X:\\1}', 'evaluated'],
  ['echo "${X#\\1}"', 'evaluated'],
  [`echo "\${X:-'}" \\1`, 'quotes in ${…}'],
  ['echo "$(case x in x) echo \\1;; esac)"', 'case within a substitution'],
  ['echo `echo \\`echo \\1\\``', 'a backslash within backticks'],
])('an entry is refused if shells may not pass the value on unchanged: %s', (commandLine, construct) => {
  expect(findShellLineFault(commandLine)).toContain(construct);
  expect(buildShellLine({ entry: { commandLine }, groups: ['', 'x'] }).ok).toBe(false);
});

test.each(['case x in a) echo \\1;; esac', 'echo \\1 <<< x', 'true # $\\1 $[\\1]', "echo \\1 $'it\\'s'"])(
  'an entry is accepted if the unusual part is in a comment or after the last reference: %s',
  (commandLine) => {
    expect(findShellLineFault(commandLine)).toBeUndefined();
  },
);

test('leaves the command line of an exact name unchanged', () => {
  expect(build({ entry: { commandLine: 'sed s/\\(a\\)/\\1/' } })).toEqual({
    line: 'sed s/\\(a\\)/\\1/',
    parameters: [],
  });
});
