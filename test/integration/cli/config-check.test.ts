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
  it('shows what was found where, and that the server answers', async () => {
    const { code, stdout, stderr } = await cli.run(['config', 'check']);
    const credentials = `profile 'default' of ${cli.home}/.chef/credentials`;

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      `Looked at:    the flags, ${credentials}`,
      `Server:       ${server.url}`,
      'User:         alice',
      `Used:         user 'alice' (${credentials}), the key ${cli.home}/.chef/user.pem (${credentials}), server ${server.url} (${credentials})`,
      'Key:          RSA, 2048 bits',
      'TLS:          the certificate is verified',
      'Trusted too:  nobody but the well-known authorities',
      'Proxies:      none',
      'Answer:       good: 1 node online',
      '',
    ]);
  });

  it('gives a document without the key', async () => {
    const { stdout } = await cli.run(['config', 'check', '--format', 'json']);

    expect(JSON.parse(stdout)).toMatchObject({
      server: server.url,
      user: 'alice',
      key_bits: 2048,
      answer: { ok: true, nodes_online: 1 },
    });
    expect(stdout).not.toContain('PRIVATE');
  });

  it('says what to set where the server sends elsewhere', async () => {
    const location = 'https://chef.example.com/organizations/acme/pushy/node_states';
    server.on('GET pushy/node_states', { status: 301, location });
    const { code, stderr } = await cli.run(['config', 'check']);

    expect(code).toBe(1);
    expect(stderr).toContain('status 301; it points to ');
    expect(stderr).toContain("set chef_server_url to 'https://chef.example.com/organizations/acme'");
  });

  it('shows all the same where the server does not believe the user, and ends with 1', async () => {
    const { code, stdout, stderr } = await cli.run(['config', 'check', '--user', 'mallory']);

    expect(code).toBe(1);
    expect(stdout).toContain('Answer:       an error\n');
    expect(stderr).toContain("It was asked with: user 'mallory' (the flags), the key ");
  });

  it('goes through the proxy of the environment and hides its password', async () => {
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
    expect(proxy.asked).toEqual([`GET ${server.url}/pushy/node_states`]);
  });

  it('asks another organization of the same server', async () => {
    const { stderr } = await cli.run(['config', 'check', '--org', 'other']);

    expect(stderr).toContain(`${server.url.replace(/acme$/, 'other')}/pushy/node_states: `);
  });

  it.each([
    ['no key', 'user.pem', 'no key at all', 'the private key is not an RSA key in PEM form'],
    [
      'an address without an organization',
      'credentials',
      '[default]\nclient_name="alice"\nclient_key="user.pem"\nchef_server_url="https://chef.example.com"\n',
      "'https://chef.example.com' is not the address of an organization on a Chef Server",
    ],
  ])('names the file that is wrong: %s', async (_what, file, text, message) => {
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

describe('what a server says', () => {
  it('cannot steer the terminal', async () => {
    server.on('GET pushy/node_states', { status: 400, json: { error: 'a\u001b[2Jb' } });
    const { stderr } = await cli.run(['node', 'status'], { columns: 80 });

    expect(stderr).toContain('a\\u001b[2Jb (status 400)');
    expect(stderr).not.toContain('\u001b');
  });
});

describe('words after --', () => {
  it('are the command and nodes, whatever they begin with', async () => {
    server.on('POST pushy/jobs', { status: 201, json: { uri: `x/${'a'.repeat(32)}` } });
    const started = async (...args: string[]) => {
      expect(await cli.run(['job', 'start', '--nowait', ...args])).toMatchObject({ code: 0, stderr: '' });
      return server.requestsOf('POST pushy/jobs').at(-1)?.body;
    };

    expect(await started('--', '--cmd', '-node', '--capture')).toEqual({
      command: '--cmd',
      nodes: ['-node', '--capture'],
      quorum: 2,
    });
    expect(await started('x', 'a', '--capture', '--', '-n', '--', 'b')).toMatchObject({
      command: 'x',
      nodes: ['a', '-n', '--', 'b'],
      capture_output: true,
    });
  });

  it('stand for what must be given, and are named in errors as they were written', async () => {
    expect((await cli.run(['node', 'why', '--', '-n', 'm'])).stderr).toBe(
      'ERROR: Unknown argument: m\nTry: push-jobs --help\n',
    );
    expect((await cli.run(['job', 'status', '--', '--id'])).stderr).toContain(
      "'--id' is not the id of a job",
    );
  });
});

describe('--quiet', () => {
  it('prints the ids of a list and the names of nodes alone', async () => {
    server.on('GET pushy/jobs', { json: [] });

    expect((await cli.run(['node', 'status', '--quiet'])).stdout).toBe('a\n');
    expect((await cli.run(['job', 'list', '--quiet'])).stdout).toBe('');
  });
});
