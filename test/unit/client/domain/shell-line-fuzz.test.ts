import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { buildShellLine } from '../../../../src/client/domain/shell-line.js';

const folder = mkdtempSync(join(tmpdir(), 'shell-line-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The shells that may be /bin/sh; the name `sh` makes bash behave as such. */
const SHELLS = ['/bin/sh', '/bin/bash', '/usr/bin/ksh'].filter((path) => existsSync(path));

/** Parts of shell lines in any order, most of them with a reference as an argument of a `printf`. */
const fragment = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(" printf '<%s>' ", " printf '<%s>' \\1", '\\1', '\\2') },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "'",
      '"',
      '\\',
      '#',
      ' ',
      '\n',
      '`',
      '$(',
      ')',
      '(',
      '$((',
      '))',
      '}',
      ';',
      '$',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      " # it's\n",
      ' # "\n',
      '${U:-',
      '${U#',
      '${U/',
      '${U:',
      'X=',
      'x',
      '1',
      '\\"',
      "\\'",
      '\\\n',
      '\\\\',
      '\\$',
      '\\`',
      '&&',
      '|',
      '\ncat <<E\n',
      '\nE\n',
      "\ncat <<'E'\n",
      '\ncat <<-E\n',
      '\t',
      '<<<',
      'case x in x)',
      ';; esac',
      'f() { ',
      '; }; f a b\n',
      'set -- a b\n',
      'shift\n',
      '[[ 1 -eq ',
      ' ]]',
      '((',
      'let ',
      '{',
      '!',
      'if true; then ',
      '\nfi\n',
      "$'",
      '$"',
      '$[',
      ']',
      "\nprintf '<%s>' \"$(printf '[%s]' ",
      ')"\n',
      "printf '<%s>' \"`printf '[%s]' ",
      '`"\n',
      '+1',
      'a',
    ),
  },
);
/** Without process ids, which differ from run to run; mostly with a reference at the end, after all of it. */
const commandLine = fc
  .tuple(
    fc.array(fragment, { minLength: 2, maxLength: 14 }),
    fc.constantFrom('', "\nprintf '<%s>' \\1\n", '\nprintf \'<%s>\' "\\1"\n', "\nprintf '<%s>' '\\1'\n"),
  )
  .map(([parts, end]) => parts.join('').replaceAll(/\$[$!]+/g, '$') + end);

const MARKER = join(folder, 'marker');
const HOSTILE = [
  `a[$(touch ${MARKER})]`,
  `'; touch ${MARKER}; '`,
  `"; touch ${MARKER}; "`,
  `$(touch ${MARKER})`,
  `\`touch ${MARKER}\``,
  `x\ntouch ${MARKER}\nE\ntouch ${MARKER}\ny`,
  ' a  b * ',
  '} ~ # ? [a]',
  "it's",
  '\\1 \\n ${1} "$2" ))',
  '-n',
  '',
];

const run = (shell: string, line: string, value: string) => {
  const built = buildShellLine({ entry: { commandLine: line }, groups: ['all', value, '7'] });
  if (!built.ok) return undefined;
  // The result of a substitution without quotes is split by the line itself, not by what stands for the group.
  const prefix = /[`(]/.test(line) ? 'IFS=; set -f; ' : '';
  const { status, stdout } = spawnSync(
    shell,
    ['-c', prefix + built.value.line, 'sh', ...built.value.parameters],
    {
      argv0: 'sh',
      cwd: folder,
      encoding: 'utf8',
      input: '',
      env: { PATH: '/usr/bin:/bin' },
      timeout: 20_000,
    },
  );
  return { status, stdout };
};

test('what stands for a group arrives as exactly the value, or the line is refused', () => {
  let arrivals = 0;
  fc.assert(
    fc.property(
      commandLine,
      fc.constantFrom(...SHELLS),
      fc.constantFrom(...HOSTILE),
      (line, shell, value) => {
        const plain = run(shell, line, 'Xq7Z');
        const hostile = run(shell, line, value);
        expect(readdirSync(folder)).toEqual([]); // nothing was executed
        if (plain?.status !== 0 || hostile === undefined) return;
        if (plain.stdout.includes('Xq7Z')) arrivals++;
        expect(plain.stdout).not.toMatch(/\{2|push_jobs_/);
        expect(hostile.stdout).toBe(plain.stdout.replaceAll('Xq7Z', () => value));
      },
    ),
    { numRuns: Number(process.env.FUZZ_RUNS ?? 250) },
  );
  expect(arrivals).toBeGreaterThan(0);
  if (process.env.FUZZ_RUNS !== undefined) process.stderr.write(`arrivals ${arrivals}\n`);
});
