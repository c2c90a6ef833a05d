import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConnectionUnderTest, KEY, profile, URL } from './connection-under-test.js';

let cli: ConnectionUnderTest;
beforeEach(() => {
  cli = new ConnectionUnderTest();
});
afterEach(() => cli.remove());

describe('the flags', () => {
  it('override single settings of the profile', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    cli.writeKey('alice');
    const other = 'https://other.example.com/organizations/b';

    expect(cli.resolve({ serverUrl: other }).client).toMatchObject({ serverUrl: other, user: 'alice' });
  });

  it('without a user cause an error that names the searched sources', () => {
    const message = cli.messageOf({ serverUrl: URL });

    expect(message).toBe(
      `the name of the user (client_name, --user) is missing; searched: the flags, ${cli.home}/.chef/credentials (no such file). Set it in one of them`,
    );
  });
});

describe('a key that no source sets', () => {
  const WITHOUT_KEY = `[default]\nclient_name = "alice"\nchef_server_url = "${URL}"\n`;

  it.each(['alice.pem', 'user.pem'])('is %s next to the credentials file', (name) => {
    cli.writeChefFile('credentials', WITHOUT_KEY);
    const file = cli.writeChefFile(name, KEY);

    expect(cli.resolve()).toMatchObject({
      client: { key: KEY },
      description: expect.stringContaining(`the key ${file} (found by its name)`) as string,
    });
  });

  it('is searched next to knife.rb first', () => {
    cli.writeChefFile('user.pem', 'wrong');
    const file = cli.writeIn(cli.cwd, 'knife.rb', `node_name 'alice'\nchef_server_url '${URL}'\n`);
    writeFileSync(join(dirname(file), 'user.pem'), KEY);

    expect(cli.resolve().client.key).toBe(KEY);
  });

  it('may be text in knife.rb', () => {
    const text = `node_name 'alice'\nchef_server_url '${URL}'\nclient_key_contents "${KEY}"\n`;
    cli.writeIn(cli.cwd, 'knife.rb', text);

    expect(cli.resolve().client.key).toBe(KEY);
  });

  it('causes an error that names the searched sources', () => {
    cli.writeChefFile('credentials', WITHOUT_KEY);

    expect(cli.messageOf()).toContain(
      '(client_key, --key, or a file alice.pem in ~/.chef) is missing; searched:',
    );
  });
});

describe('another organization', () => {
  it.each([
    [URL, 'https://chef.example.com/organizations/other'],
    ['https://chef.example.com/', 'https://chef.example.com/organizations/other'],
    ['https://example.com/chef/organizations/acme/', 'https://example.com/chef/organizations/other'],
  ])('replaces the one of %s', (address, expected) => {
    cli.writeChefFile('credentials', profile('default', 'alice').replace(URL, address));
    cli.writeKey('alice');

    expect(cli.resolve({ org: 'other' }).client.serverUrl).toBe(expected);
  });

  it.each(['Other', '../x', ''])('cannot be named %j', (org) => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    cli.writeKey('alice');

    expect(cli.messageOf({ org })).toContain(`'${org}' is not a valid organization name`);
  });
});

describe('proxies', () => {
  it.each<[string, Record<string, string>, string]>([
    ['the file', { https_proxy: 'http://env:1' }, 'http://file:3128'],
    ['the environment', { HTTPS_PROXY: 'env:8080' }, 'http://env:8080'],
    [
      'the environment, lower-case first',
      { https_proxy: 'http://a:1', HTTPS_PROXY: 'http://b:2' },
      'http://a:1',
    ],
    ['no source', {}, ''],
  ])('come from %s', (source, env, expected) => {
    const line = source === 'the file' ? `https_proxy = "http://file:3128"\nno_proxy = "a,b"\n` : '';
    cli.writeChefFile('credentials', `${profile('default', 'alice')}${line}`);
    cli.writeKey('alice');

    expect(cli.resolve({}, env).client.proxy).toEqual({
      http: '',
      https: expected,
      none: source === 'the file' ? 'a,b' : '',
    });
  });

  it.each(['socks5://p:1', 'http://:secret@', '1:2:3'])(
    'with an invalid address cause an error: %s',
    (https_proxy) => {
      cli.writeChefFile('credentials', profile('default', 'alice'));
      cli.writeKey('alice');
      const message = cli.messageOf({}, { https_proxy });

      expect(message).toContain('https_proxy is not the address of a proxy');
      expect(message).not.toContain('secret');
    },
  );

  it('may be set in knife.rb', () => {
    cli.writeIn(cli.cwd, 'knife.rb', `node_name 'a'\nchef_server_url '${URL}'\nhttp_proxy 'http://p:1'\n`);
    cli.writeChefFile('a.pem', KEY);

    expect(cli.resolve().client.proxy).toMatchObject({ http: 'http://p:1' });
  });
});
