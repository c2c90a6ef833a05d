import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ClientUnderTest } from '../../support/client-under-test.js';
import { eventually } from '../../support/eventually.js';
import { makeCertificate } from '../../support/make-certificate.js';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });

let client: ClientUnderTest;
const run = async (settings: string, args: readonly string[] = []): Promise<number | null> => {
  const serverUrl = 'http://127.0.0.1:1/organizations/acme';
  client = new ClientUnderTest({ serverUrl, node: 'web1', key: keys.privateKey, settings, args });
  return client.exit;
};
afterEach(() => client.stop());

test('--version and --help print their text and exit with 0', async () => {
  expect(await run('', ['--version'])).toBe(0);
  expect(client.output).toMatch(/^push-jobs-client \d+\.\d+\.\d+\n$/);
  await client.stop();
  expect(await run('', ['--help'])).toBe(0);
  expect(client.output).toContain('--node-name');
});

test('an unknown option exits with 64', async () => {
  expect(await run('', ['--colour'])).toBe(64);
  expect(client.output).toContain('--colour');
});

test('invalid settings exit with 78 and name file and line', async () => {
  expect(await run('whitelist({\n  "a" => system("id")\n})')).toBe(78);
  expect(client.output).toMatch(/push-jobs-client\.rb, line \d+: 'system' is not understood/);
});

test('--check-config prints what it read and starts nothing', async () => {
  expect(await run("whitelist({ 'a' => 'b', /c(.)/ => 'd' })", ['--check-config'])).toBe(0);
  expect(client.output).toContain('push-jobs-client.rb is valid');
  expect(client.output).toMatch(/whitelist {2}a\n +\/c\(\.\)\/\n/);
  expect(existsSync(client.stateDir)).toBe(false);
});

test.each([
  ['whitelist({})', [], 0, 'the node declines every job'],
  ['max_body_size 3', [], 78, 'max_body_size is 3; it must be 4096 or more'],
  ["\nssl_ca_file '/no/such/ca.pem'", [], 78, '/no/such/ca.pem'],
  [
    "\nENV['http_proxy'] = 'http://a:b'",
    [],
    78,
    'http_proxy of the environment is not the address of a proxy',
  ],
  ["\ntrusted_certs_dir '/etc/hostname'", [], 78, 'cannot read the folder of certificates /etc/hostname'],
  ['', ['--client_key', '/etc/hostname'], 78, '/etc/hostname'],
])('--check-config with %j %j exits with %i', async (settings, args, code, message) => {
  expect(await run(settings, ['--check-config', ...args])).toBe(code);
  expect(client.output).toContain(message);
});

test('--check-config lists the entries that it cannot use, and those that get all variables as root', async () => {
  const whitelist = String.raw`whitelist({
    'free' => 'a',
    'strict' => { 'command_line' => 'a', 'allowed_env' => 'APP_*' },
    /quoted (.*)/ => "cat <<'END'\n\\1\nEND",
    /(?!prod)(.*)/ => 'echo \1'
  })`;
  expect(await run(whitelist, ['--check-config'])).toBe(0);
  expect(client.output).toContain('jobs of /quoted (.*)/ in the whitelist (line ');
  expect(client.output).toContain('are declined: its command line has a here-document without expansion');
  expect(client.output).toMatch(
    / {2}warning {4}\/\(\?!prod\)\(\.\*\)\/ in the whitelist .*look-ahead is not supported/,
  );
  const isRoot = process.getuid?.() === 0;
  const advice = 'as root, free, /quoted (.*)/, /(?!prod)(.*)/ would get all variables of a job';
  expect(client.output.includes(advice)).toBe(isRoot);
  await client.stop();
  expect(await run(`${whitelist}\nallowed_env ['DEPLOY_*']`, ['--check-config'])).toBe(0);
  expect(client.output).not.toContain('would get all variables');
});

test('a trusted file without a certificate is reported and does not prevent the start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trusted-'));
  writeFileSync(join(folder, 'good.pem'), makeCertificate().certificate);
  writeFileSync(join(folder, 'stray.pem'), 'not a certificate');
  const settings = `\ntrusted_certs_dir '${folder}'`;
  const ignored = `${join(folder, 'stray.pem')} is ignored: it holds no certificate as PEM text`;
  expect(await run(settings, ['--check-config'])).toBe(0);
  expect(client.output).toContain(`  warning    ${ignored}`);
  expect(client.output).not.toContain('good.pem');
  await client.stop();
  const ended = run(settings);
  await eventually(
    () => client.output.includes('push-jobs-client starts') && client.output.includes(ignored),
  );
  client.signal('SIGTERM');
  expect(await ended).toBe(0);
  rmSync(folder, { recursive: true });
});

test('an unusable state folder exits with 78', async () => {
  expect(await run('', ['--state_dir', '/etc/hostname/state'])).toBe(78);
  expect(client.output).toContain('cannot use state_dir /etc/hostname/state');
});

test('a log file that cannot be opened exits with 78', async () => {
  expect(await run('', ['-L', '/etc/hostname/log'])).toBe(78);
  expect(client.output).toContain('cannot write the log /etc/hostname/log');
});

test('a server URL without an organization exits with 78', async () => {
  expect(await run('', ['--server', 'https://chef.example.com'])).toBe(78);
  expect(client.output).toContain('/organizations/ORG');
});

test('a missing client key exits with 78', async () => {
  expect(await run('', ['--client_key', '/no/such/key.pem'])).toBe(78);
  expect(client.output).toContain('/no/such/key.pem');
});
