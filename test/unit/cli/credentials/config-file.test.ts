import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveConnection } from '../../../../src/cli/credentials/resolve-connection.js';
import { ConnectionUnderTest, KEY, NO_PROXY, profile, URL } from './connection-under-test.js';

let cli: ConnectionUnderTest;
beforeEach(() => {
  cli = new ConnectionUnderTest();
});
afterEach(() => cli.remove());

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
    const file = cli.writeIn(cli.cwd, name, KNIFE_RB);
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

  it('has priority over the default profile, but not over a chosen profile', () => {
    const file = cli.writeIn(cli.cwd, 'knife.rb', KNIFE_RB);
    writeFileSync(join(dirname(file), 'carol.pem'), KEY);
    cli.writeChefFile('credentials', profile('default', 'alice'));
    cli.writeKey('alice');

    expect(cli.resolve().client.user).toBe('carol');
    expect(cli.resolve({ profile: 'default' }).client.user).toBe('alice');
  });

  it.each([
    ['Ruby code', 'if true\nend\n', ', or use --profile'],
    ['a list for a name', 'node_name ["a"]\n', 'line 1: node_name must be a string'],
    [
      'an unknown mode',
      '\nssl_verify_mode :maybe\n',
      'line 2: ssl_verify_mode must be :verify_peer or :verify_none',
    ],
  ])('causes an error for %s', (_what, text, message) => {
    const file = cli.writeIn(cli.cwd, 'config.rb', text);

    expect(cli.messageOf()).toContain(file);
    expect(cli.messageOf()).toContain(message);
  });

  it('is not read if the flags are complete', () => {
    cli.writeIn(cli.cwd, 'config.rb', 'if true\nend\n');
    cli.writeKey('dave');
    const flags = { serverUrl: URL, user: 'dave', key: '../home/.chef/keys/dave.pem' };

    expect(cli.resolve(flags).client).toMatchObject({ serverUrl: URL, user: 'dave', key: KEY });
  });
});

describe('the search for files', () => {
  const RB = `node_name 'carol'\nclient_key 'carol.pem'\nchef_server_url '${URL}'\n`;

  it('starts with KNIFE_HOME, then the current folder, then .chef folders', () => {
    const knifeHome = join(cli.home, 'knife-home');
    for (const [folder, user] of [
      [knifeHome, 'first'],
      [cli.cwd, 'second'],
      [join(cli.cwd, '.chef'), 'third'],
    ] as const) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'knife.rb'), RB.replaceAll('carol', user));
      writeFileSync(join(folder, `${user}.pem`), KEY);
    }

    expect(cli.resolve({}, { KNIFE_HOME: knifeHome }).client.user).toBe('first');
    expect(cli.resolve().client.user).toBe('second');
    rmSync(join(cli.cwd, 'knife.rb'));
    expect(cli.resolve().client.user).toBe('third');
  });

  it('uses the credentials file in CHEF_CREDENTIALS_FILE', () => {
    cli.writeChefFile('credentials', profile('default', 'alice'));
    const other = cli.writeChefFile('other/credentials', profile('default', 'bob'));
    cli.writeChefFile('other/keys/bob.pem', KEY);

    expect(cli.resolve({}, { CHEF_CREDENTIALS_FILE: other }).client.user).toBe('bob');
    expect(cli.messageOf({ profile: 'x' }, { CHEF_CREDENTIALS_FILE: other })).toContain(`in ${other}`);
  });
});
