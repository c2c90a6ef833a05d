import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** A folder on the PATH with the built program as `push-jobs`. */
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'push-jobs-completion-'));
  const program = join(folder, 'push-jobs');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`);
  chmodSync(program, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

const bash = (script: string): string =>
  execFileSync('bash', ['--norc', '-uc', script], {
    encoding: 'utf8',
    // Users of zsh have this variable in bash, too.
    env: { PATH: `${folder}:${process.env.PATH}`, HOME: folder, SHELL: '/bin/zsh' },
  });

/** What bash offers after these words and TAB. */
const complete = (...words: string[]): string[] => {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  return bash(`
    source <(push-jobs completion bash)
    complete -p push-jobs >/dev/null
    COMP_WORDS=(push-jobs ${quoted})
    COMP_CWORD=${words.length}
    _push_jobs
    printf '%s\\n' "\${COMPREPLY[@]}"
  `)
    .split('\n')
    .filter((word) => word !== '');
};

describe('completion for bash', () => {
  it.each([
    [[''], ['job', 'node', 'config', 'completion']],
    [['c'], ['config', 'completion']],
    [['job', 're'], ['rerun']],
    [['job', 'start', '--max'], ['--max-failures']],
    [['job', 'start', 'x', 'web1', '--show'], ['--show-output']],
    [
      ['job', 'list', '--status', 'c'],
      ['complete', 'crashed'],
    ],
    [
      ['node', 'status', '--format', ''],
      ['summary', 'json', 'yaml'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh'],
    ],
    [['job', 'start', 'no-such-'], []],
  ])('offers for %j: %j', (words, offered) => {
    expect(complete(...words)).toEqual(offered);
  });
});

describe('completion for zsh', () => {
  it('offers commands with their descriptions', () => {
    const offered = bash('SHELL=zsh push-jobs --get-yargs-completions push-jobs job w');

    expect(offered).toContain('watch:Follow a job to its end');
    expect(bash('push-jobs completion zsh')).toMatch(/^#compdef push-jobs\n/);
  });
});
