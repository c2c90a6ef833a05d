import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ConnectionFlags,
  resolveConnection,
} from '../../../../src/cli/credentials/resolve-connection.js';
import { CliUnderTest } from '../../../support/cli-under-test.js';

/** No real key is needed here: nothing is signed. */
const KEY = '-----BEGIN RSA PRIVATE KEY-----\ntop secret\n-----END RSA PRIVATE KEY-----\n';
const NO_PROXY = { http: '', https: '', none: '' };
const URL = 'https://chef.example.com/organizations/acme';

let cli: CliUnderTest;
beforeEach(() => {
  cli = new CliUnderTest();
});
afterEach(() => cli.remove());

const resolve = (flags: ConnectionFlags = {}, env: Record<string, string> = {}) =>
  resolveConnection(flags, cli.environment([], [], { env }));

const messageOf = (flags?: ConnectionFlags, env?: Record<string, string>): string => {
  try {
    resolve(flags, env);
  } catch (thrown) {
    return (thrown as Error).message;
  }
  return expect.unreachable('it was resolved');
};

const profile = (name: string, user = name) =>
  `['${name}']\nclient_name = '${user}'\nclient_key = 'keys/${user}.pem'\nchef_server_url = '${URL}'\n`;

const writeKey = (user: string) => cli.writeChefFile(`keys/${user}.pem`, KEY);

const writeIn = (folder: string, name: string, text: string): string => {
  const file = join(folder, '.chef', name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};

describe('the credentials file', () => {
  it('gives address, user and key, whose path starts beside it', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    writeKey('alice');

    expect(resolve().client).toEqual({
      serverUrl: URL,
      user: 'alice',
      key: KEY,
      verifyTls: true,
      proxy: NO_PROXY,
    });
  });

  it('may hold the key itself, and call the user node_name', () => {
    cli.writeChefFile(
      'credentials',
      `[default]\nnode_name = "bob"\nchef_server_url = "${URL}"\nclient_key = """\n${KEY}"""\n[default.knife]\nssh_user = "x"\n`,
    );

    expect(resolve().client).toMatchObject({ user: 'bob', key: KEY });
  });

  it.each([
    ['the flag', { profile: 'flag' }, { CHEF_PROFILE: 'chef', KNIFE_PROFILE: 'knife' }, 'flag'],
    ['CHEF_PROFILE', {}, { CHEF_PROFILE: 'chef', KNIFE_PROFILE: 'knife' }, 'chef'],
    ['KNIFE_PROFILE', {}, { KNIFE_PROFILE: 'knife' }, 'knife'],
    ['the context file', {}, {}, 'context'],
  ])('has the profile chosen by %s', (_who, flags, env, user) => {
    const names = ['default', 'flag', 'chef', 'knife', 'context'];
    cli.writeChefFile('credentials', names.map((name) => profile(name)).join('\n'));
    cli.writeChefFile('context', 'context\n');
    names.forEach(writeKey);

    expect(resolve(flags, env).client.user).toBe(user);
  });

  it.each([
    [
      'a profile that is not there',
      { profile: 'prod' },
      "no profile 'prod' (chosen by --profile) in FILE: its profiles: 'default'",
    ],
    [
      'a key that is not there',
      {},
      "there is no file HOME/.chef/keys/default.pem, the private key that profile 'default' of FILE names",
    ],
  ])('says so: %s', (_what, flags, text) => {
    const file = cli.writeChefFile('credentials', profile('default'));

    expect(messageOf(flags)).toContain(text.replace('FILE', file).replace('HOME', cli.home));
  });

  it('says so: it is not TOML, without quoting it', () => {
    const file = cli.writeChefFile('credentials', `[default]\nclient_key = ${KEY}`);

    expect(messageOf()).toContain(`${file}, line 2: `);
    expect(messageOf()).not.toContain('PRIVATE');
  });

  it.each([
    ['client_key = 5', 'client_key'],
    ['ssl_verify_mode = "maybe"', 'must be verify_peer or verify_none'],
  ])('says so: it is wrong (%s)', (line, text) => {
    const file = cli.writeChefFile('credentials', `[default]\n${line}\n`);

    expect(messageOf()).toContain(`profile 'default' of ${file} is not right`);
    expect(messageOf()).toContain(text);
  });
});

describe('the configuration file', () => {
  const KNIFE_RB = `# written by the starter kit
current_dir = File.dirname(__FILE__)
log_level                :info
node_name                "carol"
client_key               "#{current_dir}/carol.pem"
chef_server_url          "${URL}"
cookbook_path            ["#{current_dir}/../cookbooks"]
knife[:editor] = "vi"
`;

  it.each(['knife.rb', 'config.rb'])('is found upward from the current folder: %s', (name) => {
    const file = writeIn(cli.cwd, name, KNIFE_RB);
    writeFileSync(join(dirname(file), 'carol.pem'), KEY);
    const deep = join(cli.cwd, 'cookbooks', 'web');
    mkdirSync(deep, { recursive: true });

    const environment = { ...cli.environment([], []), cwd: deep };
    expect(resolveConnection({}, environment).client).toEqual({
      serverUrl: URL,
      user: 'carol',
      key: KEY,
      verifyTls: true,
      proxy: NO_PROXY,
    });
  });

  it('stands before the default profile, but not before one that was chosen', () => {
    const file = writeIn(cli.cwd, 'knife.rb', KNIFE_RB);
    writeFileSync(join(dirname(file), 'carol.pem'), KEY);
    cli.writeChefFile('credentials', profile('default', 'alice'));
    writeKey('alice');

    expect(resolve().client.user).toBe('carol');
    expect(resolve({ profile: 'default' }).client.user).toBe('alice');
  });

  it.each([
    ['Ruby code', 'if true\nend\n', ', or name the connection by --profile'],
    ['a list for a name', 'node_name ["a"]\n', 'line 1: node_name must be a string'],
    [
      'an unknown mode',
      '\nssl_verify_mode :maybe\n',
      'line 2: ssl_verify_mode must be :verify_peer or :verify_none',
    ],
  ])('says so: %s', (_what, text, message) => {
    const file = writeIn(cli.cwd, 'config.rb', text);

    expect(messageOf()).toContain(file);
    expect(messageOf()).toContain(message);
  });

  it('is not read where the flags say all', () => {
    writeIn(cli.cwd, 'config.rb', 'if true\nend\n');
    writeKey('dave');
    const flags = { serverUrl: URL, user: 'dave', key: '../home/.chef/keys/dave.pem' };

    expect(resolve(flags).client).toMatchObject({ serverUrl: URL, user: 'dave', key: KEY });
  });
});

describe('the flags', () => {
  it('win over the profile, one by one', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    writeKey('alice');
    const other = 'https://other.example.com/organizations/b';

    expect(resolve({ serverUrl: other }).client).toMatchObject({ serverUrl: other, user: 'alice' });
  });

  it('and files together may say too little, and where was looked is told', () => {
    const message = messageOf({ serverUrl: URL });

    expect(message).toBe(
      `the name of the user (client_name, --user) is missing; looked at: the flags, ${cli.home}/.chef/credentials (no such file). Give it in one of them`,
    );
  });
});

describe('trust in the server', () => {
  const certificate = (folder: string): string => {
    const file = join(folder, 'ca.crt');
    const arguments_ = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    execFileSync(
      'openssl',
      [...arguments_, '-keyout', join(folder, 'ca.key'), '-out', file, '-subj', '/CN=test', '-days', '1'],
      { stdio: 'ignore' },
    );
    return readFileSync(file, 'utf8');
  };

  beforeEach(() => writeKey('alice'));

  it('extends to the certificates beside the credentials', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    const pem = certificate(dirname(cli.writeChefFile('trusted_certs/README', 'not a certificate')));

    expect(resolve().client).toMatchObject({ ca: [pem], verifyTls: true });
  });

  it('names a certificate that is none', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    const file = cli.writeChefFile('trusted_certs/broken.pem', 'no');

    expect(messageOf()).toContain(`${file} is not a PEM certificate`);
  });

  it.each(['verify_none', ':verify_none'])('is not asked for with ssl_verify_mode %s', (mode) => {
    cli.writeChefFile('credentials', `${profile('default', 'alice')}ssl_verify_mode = "${mode}"\n`);

    expect(resolve().client.verifyTls).toBe(false);
  });
});
