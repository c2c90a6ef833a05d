import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConnectionUnderTest, KEY, NO_PROXY, profile, URL } from './connection-under-test.js';

let cli: ConnectionUnderTest;
beforeEach(() => {
  cli = new ConnectionUnderTest();
});
afterEach(() => cli.remove());

describe('the credentials file', () => {
  it('sets server, user and key; a relative key path starts at its folder', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    cli.writeKey('alice');

    expect(cli.resolve().client).toEqual({
      serverUrl: URL,
      user: 'alice',
      key: KEY,
      verifyTls: true,
      proxy: NO_PROXY,
    });
  });

  it('may contain the key itself, and name the user node_name', () => {
    cli.writeChefFile(
      'credentials',
      `[default]\nnode_name = "bob"\nchef_server_url = "${URL}"\nclient_key = """\n${KEY}"""\n[default.knife]\nssh_user = "x"\n`,
    );

    expect(cli.resolve().client).toMatchObject({ user: 'bob', key: KEY });
  });

  it('may name files with a leading ~, as for knife', () => {
    cli.writeKey('alice');
    const lines = `client_name = "alice"\nchef_server_url = "${URL}"\nclient_key = "~/.chef/keys/alice.pem"`;
    cli.writeChefFile('credentials', `[default]\n${lines}\ntrusted_certs_dir = "~/certs"\n`);
    mkdirSync(join(cli.home, 'certs'));
    writeFileSync(join(cli.home, 'certs', 'broken.pem'), 'no');

    expect(cli.messageOf()).toContain(
      `${join(cli.home, 'certs', 'broken.pem')} is not a PEM or DER certificate`,
    );
    rmSync(join(cli.home, 'certs', 'broken.pem'));
    expect(cli.resolve().client.key).toBe(KEY);
  });

  it.each([
    ['the flag', { profile: 'flag' }, { CHEF_PROFILE: 'chef', KNIFE_PROFILE: 'knife' }, 'flag'],
    ['CHEF_PROFILE', {}, { CHEF_PROFILE: 'chef', KNIFE_PROFILE: 'knife' }, 'chef'],
    ['KNIFE_PROFILE', {}, { KNIFE_PROFILE: 'knife' }, 'knife'],
    ['the context file', {}, {}, 'context'],
  ])('uses the profile chosen by %s', (_who, flags, env, user) => {
    const names = ['default', 'flag', 'chef', 'knife', 'context'];
    cli.writeChefFile('credentials', names.map((name) => profile(name)).join('\n'));
    cli.writeChefFile('context', 'context\n');
    names.forEach((name) => cli.writeKey(name));

    expect(cli.resolve(flags, env).client.user).toBe(user);
  });

  it.each([
    [
      'a missing profile',
      { profile: 'prod' },
      "no profile 'prod' (chosen by --profile) in FILE: its profiles: 'default'",
    ],
    [
      'a missing key',
      {},
      "the private key HOME/.chef/keys/default.pem does not exist; it is set in profile 'default' of FILE",
    ],
  ])('causes an error for %s', (_what, flags, text) => {
    const file = cli.writeChefFile('credentials', profile('default'));

    expect(cli.messageOf(flags)).toContain(text.replace('FILE', file).replace('HOME', cli.home));
  });

  it('is not quoted in the error if it is invalid TOML', () => {
    const file = cli.writeChefFile('credentials', `[default]\nclient_key = ${KEY}`);

    expect(cli.messageOf()).toContain(`${file}, line 2: `);
    expect(cli.messageOf()).not.toContain('PRIVATE');
  });

  it.each([
    ['client_key = 5', 'client_key'],
    ['ssl_verify_mode = "maybe"', 'must be verify_peer or verify_none'],
  ])('causes an error for an invalid setting: %s', (line, text) => {
    const file = cli.writeChefFile('credentials', `[default]\n${line}\n`);

    expect(cli.messageOf()).toContain(`profile 'default' of ${file} is invalid`);
    expect(cli.messageOf()).toContain(text);
  });
});
