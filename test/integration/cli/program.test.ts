import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CliUnderTest } from '../../support/cli-under-test.js';
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

describe('the program', () => {
  it.each([[['--help']], [['job', '--help']], [['job', 'start', '--help']], [['node', 'status', '--help']]])(
    'prints help for %j',
    async (args) => {
      const outcome = await cli.run(args, { columns: 80 });

      expect(outcome).toMatchObject({ code: 0, stderr: '' });
      expect(outcome.stdout).toContain('--server-url');
      expect(outcome.stdout.split('\n').every((line) => line.length <= 120)).toBe(true);
    },
  );

  it('explains the exit codes in the help of job start', async () => {
    const { stdout } = await cli.run(['job', 'start', '--help'], { columns: 120 });

    expect(stdout).toContain('Exit codes: 0 if the job is complete');
  });

  it('prints its version', async () => {
    expect((await cli.run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [[], 'missing command; use push-jobs job, node, config or completion'],
    [['job'], 'missing command; use push-jobs job start'],
    [['node'], 'missing command; use push-jobs node status'],
    [['jobs'], 'Did you mean job?'],
    [['job', 'status'], 'Not enough non-option arguments: got 0, need at least 1'],
    [['node', 'status', '--format', 'xml'], 'Choices: "summary", "json", "yaml"'],
  ])('exits with 2 if the command line is invalid: %j', async (args, text) => {
    const outcome = await cli.run(args);

    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain(text);
  });

  it('names the user and the key if the server rejects the signature', async () => {
    cli.writeChefFile(
      'credentials',
      `[default]\nclient_name = "mallory"\nclient_key = "user.pem"\nchef_server_url = "${server.url}"\n`,
    );
    const { code, stderr } = await cli.run(['node', 'status']);

    expect(code).toBe(1);
    expect(stderr).toContain("Invalid signature for user or client 'alice' (status 401)");
    expect(stderr).toContain(`user 'mallory' (profile 'default' of ${cli.home}/.chef/credentials)`);
    expect(stderr).toContain(`${cli.home}/.chef/user.pem`);
  });

  it('names the server that it cannot reach', async () => {
    const args = ['--user', 'alice', '--key', '../home/.chef/user.pem', '--server-url'];
    const { code, stderr } = await cli.run([
      'node',
      'status',
      ...args,
      'http://127.0.0.1:1/organizations/acme',
    ]);

    expect(code).toBe(1);
    expect(stderr).toContain('cannot reach http://127.0.0.1:1/organizations/acme/pushy/node_states');
  });
});

describe('error text from the server', () => {
  it('is printed with escaped control characters', async () => {
    server.on('GET pushy/node_states', { status: 400, json: { error: 'a\u001b[2Jb' } });
    const { stderr } = await cli.run(['node', 'status'], { columns: 80 });

    expect(stderr).toContain('a\\u001b[2Jb (status 400)');
    expect(stderr).not.toContain('\u001b');
  });
});

describe('arguments after --', () => {
  it('are read as command and nodes even if they begin with a dash', async () => {
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

  it('are accepted as required arguments, and quoted unchanged in errors', async () => {
    expect((await cli.run(['node', 'why', '--', '-n', 'm'])).stderr).toBe(
      'ERROR: Unknown argument: m\nTry: push-jobs --help\n',
    );
    expect((await cli.run(['job', 'status', '--', '--id'])).stderr).toContain("'--id' is not a job ID");
  });
});

describe('--quiet', () => {
  it('prints only the IDs of jobs and the names of nodes', async () => {
    server.on('GET pushy/jobs', { json: [] });

    expect((await cli.run(['node', 'status', '--quiet'])).stdout).toBe('a\n');
    expect((await cli.run(['job', 'list', '--quiet'])).stdout).toBe('');
  });
});
