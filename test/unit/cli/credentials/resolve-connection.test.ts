import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

  it('may name files from the home folder on, as knife reads them', () => {
    writeKey('alice');
    const lines = `client_name = "alice"\nchef_server_url = "${URL}"\nclient_key = "~/.chef/keys/alice.pem"`;
    cli.writeChefFile('credentials', `[default]\n${lines}\ntrusted_certs_dir = "~/certs"\n`);
    mkdirSync(join(cli.home, 'certs'));
    writeFileSync(join(cli.home, 'certs', 'broken.pem'), 'no');

    expect(messageOf()).toContain(`${join(cli.home, 'certs', 'broken.pem')} is not a certificate`);
    rmSync(join(cli.home, 'certs', 'broken.pem'));
    expect(resolve().client.key).toBe(KEY);
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

describe('where files are looked for', () => {
  const RB = `node_name 'carol'\nclient_key 'carol.pem'\nchef_server_url '${URL}'\n`;

  it('is the folder of KNIFE_HOME first, then the current one, then those called .chef', () => {
    const knifeHome = join(cli.home, 'elsewhere');
    for (const [folder, user] of [
      [knifeHome, 'first'],
      [cli.cwd, 'second'],
      [join(cli.cwd, '.chef'), 'third'],
    ] as const) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'knife.rb'), RB.replaceAll('carol', user));
      writeFileSync(join(folder, `${user}.pem`), KEY);
    }

    expect(resolve({}, { KNIFE_HOME: knifeHome }).client.user).toBe('first');
    expect(resolve().client.user).toBe('second');
    rmSync(join(cli.cwd, 'knife.rb'));
    expect(resolve().client.user).toBe('third');
  });

  it('may be another file of credentials, by CHEF_CREDENTIALS_FILE', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    const other = cli.writeChefFile('other/credentials', profile('default', 'bob'));
    cli.writeChefFile('other/keys/bob.pem', KEY);

    expect(resolve({}, { CHEF_CREDENTIALS_FILE: other }).client.user).toBe('bob');
    expect(messageOf({ profile: 'x' }, { CHEF_CREDENTIALS_FILE: other })).toContain(`in ${other}`);
  });
});

describe('a key that nobody names', () => {
  const NAMELESS = `[default]\nclient_name = "alice"\nchef_server_url = "${URL}"\n`;

  it.each(['alice.pem', 'user.pem'])('is %s beside the credentials', (name) => {
    cli.writeChefFile('credentials', NAMELESS);
    const file = cli.writeChefFile(name, KEY);

    expect(resolve()).toMatchObject({
      client: { key: KEY },
      description: expect.stringContaining(`the key ${file} (found by its name)`) as string,
    });
  });

  it('is looked for beside knife.rb first', () => {
    cli.writeChefFile('user.pem', 'wrong');
    const file = writeIn(cli.cwd, 'knife.rb', `node_name 'alice'\nchef_server_url '${URL}'\n`);
    writeFileSync(join(dirname(file), 'user.pem'), KEY);

    expect(resolve().client.key).toBe(KEY);
  });

  it('may be the text itself in knife.rb', () => {
    const text = `node_name 'alice'\nchef_server_url '${URL}'\nclient_key_contents "${KEY}"\n`;
    writeIn(cli.cwd, 'knife.rb', text);

    expect(resolve().client.key).toBe(KEY);
  });

  it('and is not there is said, with where it could be', () => {
    cli.writeChefFile('credentials', NAMELESS);

    expect(messageOf()).toContain(
      '(client_key, --key, or a file alice.pem in ~/.chef) is missing; looked at:',
    );
  });
});

describe('another organization', () => {
  it.each([
    [URL, 'https://chef.example.com/organizations/other'],
    ['https://chef.example.com/', 'https://chef.example.com/organizations/other'],
    ['https://example.com/chef/organizations/acme/', 'https://example.com/chef/organizations/other'],
  ])('of %s is put in the place of its own', (address, expected) => {
    cli.writeChefFile('credentials', profile('default', 'alice').replace(URL, address));
    writeKey('alice');

    expect(resolve({ org: 'other' }).client.serverUrl).toBe(expected);
  });

  it.each(['Other', '../x', ''])('cannot be called %j', (org) => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    writeKey('alice');

    expect(messageOf({ org })).toContain(`'${org}' is not the name of an organization`);
  });
});

describe('proxies', () => {
  it.each<[string, Record<string, string>, string]>([
    ['the file', { https_proxy: 'http://env:1' }, 'http://file:3128'],
    ['the environment', { HTTPS_PROXY: 'env:8080' }, 'http://env:8080'],
    [
      'the environment, small letters first',
      { https_proxy: 'http://a:1', HTTPS_PROXY: 'http://b:2' },
      'http://a:1',
    ],
    ['nowhere', {}, ''],
  ])('come from %s', (where, env, expected) => {
    const line = where === 'the file' ? `https_proxy = "http://file:3128"\nno_proxy = "a,b"\n` : '';
    cli.writeChefFile('credentials', `${profile('default', 'alice')}${line}`);
    writeKey('alice');

    expect(resolve({}, env).client.proxy).toEqual({
      http: '',
      https: expected,
      none: where === 'the file' ? 'a,b' : '',
    });
  });

  it.each(['socks5://p:1', 'http://:secret@', '1:2:3'])('that are none are not used: %s', (https_proxy) => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    writeKey('alice');
    const message = messageOf({}, { https_proxy });

    expect(message).toContain('https_proxy is not the address of a proxy');
    expect(message).not.toContain('secret');
  });

  it('may be named by knife.rb', () => {
    writeIn(cli.cwd, 'knife.rb', `node_name 'a'\nchef_server_url '${URL}'\nhttp_proxy 'http://p:1'\n`);
    cli.writeChefFile('a.pem', KEY);

    expect(resolve().client.proxy).toMatchObject({ http: 'http://p:1' });
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

  it.each(['ssl_ca_file', 'SSL_CERT_FILE'])('extends to the certificates of %s', (how) => {
    const folder = dirname(writeKey('alice'));
    const pem = certificate(folder);
    const line = how === 'ssl_ca_file' ? 'ssl_ca_file = "keys/ca.crt"\n' : '';
    cli.writeChefFile('credentials', `${profile('default', 'alice')}${line}`);
    const connection = resolve({}, how === 'ssl_ca_file' ? {} : { [how]: join(folder, 'ca.crt') });

    expect(connection).toMatchObject({ client: { ca: [pem] }, trustedFrom: [join(folder, 'ca.crt')] });
  });

  it('names a file of certificates that is missing, and who named it', () => {
    cli.writeChefFile('credentials', `${profile('default', 'alice')}ssl_ca_file = "/no/ca.pem"\n`);

    expect(messageOf()).toContain("there is no file /no/ca.pem, the certificate that profile 'default' of");
  });

  it('names a certificate that is none', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    const file = cli.writeChefFile('trusted_certs/broken.pem', 'no');

    expect(messageOf()).toContain(`${file} is not a certificate`);
  });

  it('extends to a certificate in the binary form that others export', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    const folder = dirname(cli.writeChefFile('trusted_certs/README', 'not a certificate'));
    const pem = certificate(folder);
    writeFileSync(join(folder, 'ca.crt'), new X509Certificate(pem).raw);

    expect(resolve().client.ca).toEqual([pem]);
  });

  it('names a folder of certificates that is none', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    const file = cli.writeChefFile('trusted_certs', 'no folder');

    expect(messageOf()).toContain(`cannot read the folder of trusted certificates ${file}`);
  });

  it.each(['verify_none', ':verify_none'])('is not asked for with ssl_verify_mode %s', (mode) => {
    cli.writeChefFile('credentials', `${profile('default', 'alice')}ssl_verify_mode = "${mode}"\n`);

    expect(resolve().client.verifyTls).toBe(false);
  });
});
