import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { filterJobEnvironment } from '../../../src/client/domain/job-environment.js';
import { environmentNamesIn, findProgram } from '../../support/environment-names.js';

/** What jobs on a Debian machine do; each is attacked if its first word is installed. */
const COMMANDS = [
  'sh -c "echo hello; ls; cd ."',
  'bash -c "echo hello; ls *; select x in a; do break; done"',
  'bash -lc true',
  'git status',
  'git diff HEAD~1',
  'git fetch http://127.0.0.1:1/x',
  'git fetch ssh://127.0.0.1:1/x',
  'git commit --allow-empty',
  'apt-config dump',
  'apt-get -s install bash',
  'apt-get -o Dir::Cache=/nonexistent update --print-uris',
  'dpkg -l bash',
  'python3 -c "import ssl, urllib.request, tempfile, subprocess; tempfile.gettempdir()"',
  'perl -MFile::Temp -MPOSIX -e "File::Temp->new"',
  'curl -s http://127.0.0.1:1/',
  'wget -q -t 1 -T 2 http://127.0.0.1:1/',
  'openssl version -a',
  'openssl s_client -connect 127.0.0.1:1',
  'node -e 0',
  'npm config ls',
  'less text',
  'more text',
  'man ls',
  'ssh -o ConnectTimeout=1 -p 1 127.0.0.1 true',
  'tar -czf archive text',
  'make',
  'gcc -c code.c -o code.o',
  'vim -es -c q text',
  'gpg --version',
  'psql -h 127.0.0.1 -p 1 -c ""',
  'systemctl --no-pager --version',
  'sort text',
  'xzgrep hello text',
  'zgrep hello text',
  'zdiff text text',
  'bc -q code.c',
  'awk 1 text',
  'tclsh text',
].filter((command) => findProgram(command.split(' ')[0] ?? '') !== undefined);

/** Variables that the sources of programs name, beyond the words in the programs. */
const KNOWN_NAMES =
  'APT_CONFIG GIT_TRACE2 GIT_TRACE2_ENV_VARS http_proxy https_proxy SSL_CERT_FILE HOME XDG_CONFIG_HOME npm_config_userconfig npm_config_script_shell NODE_V8_COVERAGE NODE_OPTIONS SSLKEYLOGFILE CURL_HOME BASH_ENV ENV PATH LD_PRELOAD LESSOPEN PAGER EDITOR GIT_SSH_COMMAND TMPDIR MALLOC_TRACE PREFIX'.split(
    ' ',
  );
const NAMES = [
  ...new Set([
    ...COMMANDS.flatMap((command) => environmentNamesIn(findProgram(command.split(' ')[0] ?? '') ?? '')),
    ...KNOWN_NAMES,
  ]),
];
const PASSING = Object.keys(
  filterJobEnvironment(Object.fromEntries(NAMES.map((name) => [name, 'x'])), {
    allowed: undefined,
    ignoresCase: false,
  }).variables,
).filter((name) => NAMES.includes(name));

/** What an attacker could set a variable to, in a folder with an executable file `run`; each touches the folder if it works. */
const VALUES = [
  '{folder}/run',
  '{folder}/new',
  '{folder}/folder',
  'touch {folder}/new',
  'http://127.0.0.1:{port}',
] as const;

const work = mkdtempSync(join(tmpdir(), 'push-jobs-attack-'));
const files = join(work, 'files');
const BASE = { PATH: process.env.PATH, HOME: join(work, 'home'), TERM: 'dumb', LC_ALL: 'C' };

beforeAll(async () => {
  for (const folder of [files, BASE.HOME]) mkdirSync(folder);
  writeFileSync(join(BASE.HOME, '.gitconfig'), '[user]\nname = a\nemail = a@example.com\n');
  writeFileSync(join(files, 'text'), 'hello\n');
  writeFileSync(join(files, 'code.c'), 'int main(void) { return 0; }\n');
  writeFileSync(join(files, 'Makefile'), 'all:\n\techo hello\n');
  const setUp = `git init -q . && git add . && git commit -qm a && git commit -qm b --allow-empty`;
  if (findProgram('git') !== undefined)
    await once(spawn('/bin/sh', ['-c', setUp], { cwd: files, env: BASE }), 'exit');
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** What a command did because of the variables, if it did, and how it ended. */
interface Attempt {
  readonly effect?: string;
  readonly exitCode: number | null;
}

/** Runs a command with all these variables set to the value. */
const attack = async (command: string, names: readonly string[], value: string): Promise<Attempt> => {
  const folder = mkdtempSync(join(work, 'attempt-'));
  mkdirSync(join(folder, 'folder'));
  writeFileSync(join(folder, 'run'), `#!/bin/sh\ntouch ${folder}/was-run\n`);
  chmodSync(join(folder, 'run'), 0o755);
  const before = readdirSync(folder, { recursive: true }).length;
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on('error', () => undefined).destroy();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const text = value
    .replaceAll('{folder}', folder)
    .replace('{port}', String((server.address() as AddressInfo).port));
  const env = { ...BASE, ...Object.fromEntries(names.map((name) => [name, text])) };
  const child = spawn('/bin/sh', ['-c', command], { cwd: files, env, stdio: 'ignore', detached: true });
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  clearTimeout(timer);
  server.close();
  const wrote = readdirSync(folder, { recursive: true }).length !== before;
  rmSync(folder, { recursive: true });
  if (connections > 0) return { effect: 'connected', exitCode };
  return wrote ? { effect: 'wrote or ran a file', exitCode } : { exitCode };
};

/** Finds one of the variables that make an attempt end like this. */
const findCulprit = async (
  command: string,
  names: readonly string[],
  value: string,
  isSuch: (attempt: Attempt) => boolean,
): Promise<string> => {
  if (names.length < 2) return names[0] ?? '';
  const half = names.slice(0, names.length / 2);
  const works = isSuch(await attack(command, half, value));
  return findCulprit(command, works ? half : names.slice(half.length), value, isSuch);
};

/** Maximum number of variables that only break a command. */
const MAX_BREAKING = 8;

/** Finds a variable by which an attack works. Variables that break the command are left out: they hide what others do. */
const search = async (command: string, value: string): Promise<string[]> => {
  const usual = (await attack(command, [], value)).exitCode;
  let names: readonly string[] = PASSING;
  for (let breaking = 0; breaking <= MAX_BREAKING; breaking++) {
    const { effect, exitCode } = await attack(command, names, value);
    const works = (attempt: Attempt): boolean => attempt.effect !== undefined;
    if (effect !== undefined)
      return [`${command} ${effect}: ${await findCulprit(command, names, value, works)}=${value}`];
    if (exitCode === usual) return [];
    const culprit = await findCulprit(command, names, value, (attempt) => attempt.exitCode !== usual);
    names = names.filter((name) => name !== culprit);
  }
  return [`${command} cannot be attacked: too many variables break it with ${value}`];
};

test('the attack works with variables that are not passed', async () => {
  const cases = [
    ['bash -c true', 'BASH_ENV', '{folder}/run', 'wrote or ran a file'],
    ['git status', 'GIT_TRACE2', '{folder}/new', 'wrote or ran a file'],
    ['git commit --allow-empty', 'GIT_EDITOR', 'touch {folder}/new', 'wrote or ran a file'],
    ['curl -s http://127.0.0.1:1/', 'http_proxy', 'http://127.0.0.1:{port}', 'connected'],
    [
      'perl -MFile::Temp -e "File::Temp->new(UNLINK => 0)"',
      'TMPDIR',
      '{folder}/folder',
      'wrote or ran a file',
    ],
  ] as const;
  const present = cases.filter(([command]) => findProgram(command.split(' ')[0] ?? '') !== undefined);
  expect(present.length).toBeGreaterThan(0);
  for (const [command, name, value, effect] of present) {
    expect((await attack(command, [name], value)).effect, command).toBe(effect);
    expect(PASSING).not.toContain(name);
  }
});

test(
  'no variable that is passed makes a common program run, write or contact something',
  { timeout: 600_000 },
  async () => {
    expect(PASSING.length).toBeGreaterThan(100);
    const attempts = COMMANDS.flatMap((command) => VALUES.map((value) => ({ command, value })));
    const culprits: string[] = [];
    const next = attempts.values();
    const worker = async (): Promise<void> => {
      for (const { command, value } of next) culprits.push(...(await search(command, value)));
    };
    await Promise.all(Array.from({ length: 4 }, worker));
    expect(culprits).toEqual([]);
  },
);
