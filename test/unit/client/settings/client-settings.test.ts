import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  readClientSettings,
  type SettingOverrides,
} from '../../../../src/client/settings/client-settings.js';
import { findInWhitelist } from '../../../../src/client/domain/whitelist.js';
import { readRubySettings } from '../../../../src/shared/lib/ruby-settings/read-settings.js';

const URL_LINE = "chef_server_url 'https://chef.example.com/organizations/acme/'\n";

const read = (text: string, overrides: SettingOverrides = {}) => {
  const source = readRubySettings(text, { file: '/etc/chef/x.rb', env: {}, home: '/root', cwd: '/' });
  if (!source.ok) throw source.error;
  const settings = readClientSettings(source.value, overrides);
  if (!settings.ok) throw settings.error;
  return settings.value;
};

test('a file with only the server URL leaves all other settings at their defaults', () => {
  expect(read(URL_LINE)).toEqual({
    serverUrl: 'https://chef.example.com/organizations/acme',
    organization: 'acme',
    nodeName: undefined,
    clientKeyPath: '/etc/chef/client.pem',
    whitelist: { exact: new Map([['chef-client', { commandLine: 'chef-client' }]]), patterns: [] },
    fileDir: '/tmp/chef-push',
    fileDirExpiryMs: 86_400_000,
    stateDir: expect.stringMatching(/push-jobs-client$/) as string,
    maxBodySize: 63_000,
    allowUnencrypted: false,
    allowedVariables: undefined,
    killGraceMs: 5000,
    signatureVersion: '1.1',
    tls: { verify: true, caFile: undefined, trustedDir: '/etc/chef/trusted_certs' },
    proxy: { http: undefined, https: undefined, none: undefined },
    logLevel: 'info',
    logLocation: 'STDOUT',
  });
});

test('reads the settings file of the cookbook and its whitelist', () => {
  const { whitelist, nodeName, allowedVariables } = read(
    readFileSync('test/fixtures/client-settings/cookbook.rb', 'utf8'),
  );
  expect(nodeName).toBe('web1.example.com');
  expect(allowedVariables?.texts).toEqual(['HTTP_PROXY', 'DEPLOY_ENV']);
  expect(findInWhitelist(whitelist, 'Deploy shop-2 to PROD')).toMatchObject({
    groups: ['Deploy shop-2 to PROD', 'shop-2', 'PROD'],
  });
  expect(findInWhitelist(whitelist, 'deploy shop to prod; id')).toBeUndefined();
  expect(findInWhitelist(whitelist, 'locked')?.entry.lock).toBe('/var/chef/cache/chef-client-running.pid');
  expect(findInWhitelist(whitelist, 'restart')?.entry.lock).toBe('/var/lock/app');
  expect(findInWhitelist(whitelist, 'chef-client')?.entry).toEqual({ commandLine: 'chef-client' });
});

test('the command line takes precedence over the file', () => {
  const settings = read(`${URL_LINE} node_name 'a'\nlog_level :warn\nmax_body_size 5000`, {
    nodeName: 'b',
    logLevel: 'debug',
    maxBodySize: 6000,
    serverUrl: 'http://other/organizations/o2',
  });
  expect(settings).toMatchObject({ nodeName: 'b', logLevel: 'debug', maxBodySize: 6000, organization: 'o2' });
});

test('an error about an option names the option', () => {
  expect(() => read(URL_LINE, { serverUrl: 'https://chef' })).toThrow(
    "--server is 'https://chef'; it must be",
  );
  expect(() => read(`${URL_LINE}max_body_size 5000`, { maxBodySize: 7 })).toThrow('--max-body-size is 7; it');
});

test('reads which variables jobs may set, as names, patterns and expressions', () => {
  const allowed = (text: string) => read(URL_LINE + text).allowedVariables;
  const names = ['APP_ENV', 'xAPP_ENV', 'APP', 'A.B', 'AxB', 'LANG', 'LANG2', 'PATH', 'test'];
  const passing = (text: string) => names.filter((name) => allowed(text)?.matches(name));
  expect(allowed('')).toBeUndefined();
  expect(passing("allowed_env ['APP_*', 'A.B', /lang/i]")).toEqual(['APP_ENV', 'A.B', 'LANG']);
  expect(passing("allowed_env 'APP_*, test'")).toEqual(['APP_ENV', 'test']);
  expect(passing('allowed_env []')).toEqual([]);
  expect(passing("allowed_env '*'")).toEqual(names);
  expect(passing("allowed_overwritable_env_vars ['PATH', 'APP*']")).toEqual(['PATH']);
  expect(passing("allowed_overwritable_env_vars ['PATH']\nallowed_env ['test']")).toEqual(['PATH', 'test']);
  expect(allowed("allowed_env ['APP_*', /lang/i]")?.texts).toEqual(['APP_*', '/lang/']);
});

test('an expression or command line that only this client cannot use does not prevent the start', () => {
  const { whitelist } = read(
    `${URL_LINE}whitelist({/a(?=b).*/ => 'x', /c (.*)/ => 'cat <<< \\1', /d{2000}/ => 'y'})`,
  );
  expect(whitelist.patterns.map(({ fault }) => fault)).toEqual([
    expect.stringContaining('look-ahead') as string,
    expect.stringContaining('this use of <<') as string,
    expect.stringContaining('invalid repeat count') as string,
  ]);
  expect(whitelist.patterns.map(({ expression }) => expression !== undefined)).toEqual([false, true, false]);
});

test('reads TLS settings and proxies', () => {
  const text = `ssl_verify_mode :verify_none\nhttp_proxy 'proxy:3128'\nhttp_proxy_user 'u'\nhttp_proxy_pass 'p'`;
  const { tls, proxy } = read(URL_LINE + text);
  expect(tls.verify).toBe(false);
  expect(proxy.http).toBe('http://u:p@proxy:3128/');
  expect(read(`${URL_LINE}ssl_verify_mode :verify_none\nverify_api_cert true`).tls.verify).toBe(true);
});

describe('an error about a setting names file and line', () => {
  test.each([
    ['', '/etc/chef/x.rb: chef_server_url is not set; it must be like'],
    ["chef_server_url 'https://chef'", "x.rb, line 1: chef_server_url is 'https://chef'; it must be like"],
    [
      "chef_server_url 'https://chef:port/organizations/acme'",
      "line 1: chef_server_url is 'https://chef:port",
    ],
    ["chef_server_url 'https://chef:99999/organizations/acme'", 'line 1: chef_server_url is'],
    ["chef_server_url 'https://chef .example/organizations/acme'", 'line 1: chef_server_url is'],
    [`${URL_LINE}max_body_size 'many'`, 'line 2: max_body_size must be a number above 0, not many'],
    [`${URL_LINE}max_body_size 10`, 'line 2: max_body_size is 10; it must be 4096 or more'],
    [`${URL_LINE}allow_unencrypted 'yes'`, 'line 2: allow_unencrypted must be true or false, not yes'],
    [`${URL_LINE}ssl_verify_mode :maybe`, 'line 2: ssl_verify_mode must be one of verify_peer, verify_none'],
    [
      `${URL_LINE}whitelist ['a']`,
      'line 2: whitelist must be a hash of names and command lines, not an array',
    ],
    [`${URL_LINE}whitelist({'a' => 1})`, "must give 'a' a command line"],
    [`${URL_LINE}whitelist({'a' => {lock: true}})`, "must give 'a' a command line"],
    [`${URL_LINE}whitelist({'a' => {command_line: 'b', lock: 1}})`, "lock of 'a'"],
    [`${URL_LINE}whitelist({/(?>a)/ => 'b'})`, 'has an invalid name'],
    [`${URL_LINE}allowed_env 5`, 'line 2: allowed_env must be an array of names'],
    [`${URL_LINE}allowed_env [/(/]`, 'line 2: allowed_env has an invalid name: /(/ cannot be used'],
    [
      `${URL_LINE}whitelist({'a' => {command_line: 'b', allowed_env: [1]}})`,
      "allowed_env of 'a', which must be",
    ],
    [`${URL_LINE}\nhttps_proxy 'http://a:b:c'`, 'line 3: https_proxy must be an address like'],
    [
      `${URL_LINE}whitelist['a'] = 'b'`,
      'line 2: whitelist.a sets one element of whitelist; set all of it with whitelist(…)',
    ],
    [`${URL_LINE}whitelist({1 => 'b'})`, 'a name is a string or a regular expression'],
  ])('%s', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});

describe('docs/client-settings.md', () => {
  const reference = readFileSync('docs/client-settings.md', 'utf8');

  test('describes every setting that the client reads', () => {
    const source = readFileSync('src/client/settings/client-settings.ts', 'utf8');
    const names = [...source.matchAll(/(?:values\.\w+|seconds|urlOf)\('(\w+)'/g)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !reference.includes(`\`${name}\``))).toEqual([]);
  });

  test('has a valid example of a whitelist', () => {
    const [, example = ''] = /```ruby\n([\s\S]*?)```/.exec(reference) ?? [];
    const { whitelist } = read(URL_LINE + example);
    expect(findInWhitelist(whitelist, 'chef-client')?.entry.lock).toMatch(/chef-client-running\.pid$/);
    expect(findInWhitelist(whitelist, 'restart nginx')?.groups).toEqual(['restart nginx', 'nginx']);
  });
});
