import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CliUnderTest } from '../../support/cli-under-test.js';
import { ForwardProxy } from '../../support/forward-proxy.js';
import { StubPushyServer } from '../../support/stub-pushy-server.js';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

let server: StubPushyServer;
let cli: CliUnderTest;

beforeAll(async () => {
  server = await StubPushyServer.start('alice', publicKey);
});
beforeEach(() => {
  server.reset();
  server.on('GET pushy/node_states', { json: [{ node_name: 'a', availability: 'available' }] });
  cli = new CliUnderTest();
  cli.writeCredentials(server.url, 'alice', pem);
  return () => cli.remove();
});
afterAll(() => server.close());

describe('config check', () => {
  it('shows the settings, their sources and the response of the server', async () => {
    const { code, stdout, stderr } = await cli.run(['config', 'check']);
    const credentials = `profile 'default' of ${cli.home}/.chef/credentials`;

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      `Searched:            the flags, ${credentials}`,
      `Server:              ${server.url}`,
      'User:                alice',
      `Used:                user 'alice' (${credentials}), the key ${cli.home}/.chef/user.pem (${credentials}), server ${server.url} (${credentials})`,
      'Key:                 RSA, 2048 bits',
      'TLS:                 the certificate is verified',
      'Extra certificates:  none',
      'Proxies:             none',
      'Response:            OK, 1 node online',
      '',
    ]);
  });

  it('prints a document that does not contain the key', async () => {
    const { stdout } = await cli.run(['config', 'check', '--format', 'json']);

    expect(JSON.parse(stdout)).toMatchObject({
      server: server.url,
      user: 'alice',
      key_bits: 2048,
      answer: { ok: true, nodes_online: 1 },
    });
    expect(stdout).not.toContain('PRIVATE');
  });

  it('says what to set if the server redirects', async () => {
    const location = 'https://chef.example.com/organizations/acme/pushy/node_states';
    server.on('GET pushy/node_states', { status: 301, location });
    const { code, stderr } = await cli.run(['config', 'check']);

    expect(code).toBe(1);
    expect(stderr).toContain('status 301; it points to ');
    expect(stderr).toContain("set chef_server_url to 'https://chef.example.com/organizations/acme'");
  });

  it('shows the settings and exits with 1 if the server rejects the user', async () => {
    const { code, stdout, stderr } = await cli.run(['config', 'check', '--user', 'mallory']);

    expect(code).toBe(1);
    expect(stdout).toContain('Response:            error\n');
    expect(stderr).toContain("Connection settings: user 'mallory' (the flags), the key ");
  });

  it('uses the proxy from the environment and hides its password', async () => {
    const proxy = await ForwardProxy.start();
    const env = {
      http_proxy: proxy.url.replace('http://', 'http://me:secret@'),
      no_proxy: 'other.example.com',
    };
    const { code, stdout } = await cli.run(['config', 'check'], { env });
    await proxy.close();

    expect(code).toBe(0);
    expect(stdout).toContain('http://me:***@127.0.0.1');
    expect(stdout).toContain('except for: other.example.com');
    expect(stdout).not.toContain('secret');
    expect(proxy.requests).toEqual([`GET ${server.url}/pushy/node_states`]);
  });

  it('uses the organization of --org on the same server', async () => {
    const { stderr } = await cli.run(['config', 'check', '--org', 'other']);

    expect(stderr).toContain(`${server.url.replace(/acme$/, 'other')}/pushy/node_states: `);
  });

  it.each([
    ['an invalid key', 'user.pem', 'no key at all', 'the private key is not an RSA key in PEM form'],
    [
      'a server URL without an organization',
      'credentials',
      '[default]\nclient_name="alice"\nclient_key="user.pem"\nchef_server_url="https://chef.example.com"\n',
      "'https://chef.example.com' is not the address of an organization on a Chef Server",
    ],
  ])('names the file with %s', async (_what, file, text, message) => {
    cli.writeChefFile(file, text);
    const { code, stderr } = await cli.run(['config', 'check']);

    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr).toContain(
      `${cli.home}/.chef/user.pem (profile 'default' of ${cli.home}/.chef/credentials)`,
    );
    expect(stderr).not.toContain('no key at all');
  });
});
