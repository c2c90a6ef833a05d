import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ClientUnderTest } from '../../support/client-under-test.js';
import { SimulatedPushServer } from '../../support/simulated-push-server.js';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const newJobId = (): string => randomBytes(16).toString('hex');

const SETTINGS = String.raw`
  whitelist({
    'env' => 'env',
    'strict' => { 'command_line' => 'env', 'allowed_env' => ['APP_*', /PATH|LANG/] },
    /slow ((a+)+)/ => 'true',
    /here-document (.*)/ => "cat <<'END'\n\\1\nEND",
    /calculate (.*)/ => 'echo $((\1 * 2))',
    /comment (.*)/ => "true # it's\nprintf '<%s>' \\1"
  })
`;

let server: SimulatedPushServer;
let client: ClientUnderTest;

beforeAll(async () => {
  server = await SimulatedPushServer.start({ org: 'acme', node: 'web1', nodeKey: keys.publicKey });
  server.startHeartbeats();
});
afterAll(async () => {
  await server.close();
});

beforeEach(async () => {
  client = new ClientUnderTest({
    serverUrl: server.url,
    node: 'web1',
    key: keys.privateKey,
    settings: SETTINGS,
  });
  server.forgetMessages();
  await server.expect('heartbeat');
});
afterEach(async () => {
  await client.stop();
});

const nack = async (command: string): Promise<string | undefined> => {
  await server.commit(newJobId(), command);
  return (await server.expect('nack_commit')).reason;
};

test('declines without delay on a long name that an expression almost matches', async () => {
  expect(await nack(`slow ${'a'.repeat(10_000)}!`)).toContain('whitelist'); // would take years by backtracking
});

test('declines a job if the text of the name would not reach the program unchanged', async () => {
  expect(await nack('here-document x')).toContain('a here-document without expansion');
  expect(await nack('calculate a[$(id)]')).toContain('\\1 must be a whole number');
});

test('passes the text of a group on unchanged after a comment, and numbers in arithmetic', async () => {
  const hostileText = `a b  "c" 'd' $(id) \`id\` ; id > /tmp/x \\ * é`;
  await server.startJob(newJobId(), `comment ${hostileText}`, { capture: true });
  expect((await server.expect('succeeded')).stdout).toBe(`<${hostileText}>`);
  await server.startJob(newJobId(), 'calculate 21', { capture: true });
  expect((await server.expect('succeeded')).stdout).toBe('42\n');
});

test('passes only the variables that the entry of the whitelist allows', async () => {
  const env = { APP_ENV: 'a', APPS: 'b', PATH: '/usr/bin:/bin', MY_PATH: 'c', test: 'd' };
  await server.startJob(newJobId(), 'strict', { env, capture: true });
  const { stdout, reason } = await server.expect('succeeded');
  const set = [
    'APP_ENV=a',
    'PATH=/usr/bin:/bin',
    'CHEF_PUSH_ENV_APPS=b',
    'CHEF_PUSH_ENV_MY_PATH=c',
    'CHEF_PUSH_ENV_test=d',
  ];
  expect(stdout!.split('\n')).toEqual(expect.arrayContaining(set));
  expect(reason).toBe('the job must not set APPS, MY_PATH, test; its command got CHEF_PUSH_ENV_NAME');

  await server.startJob(newJobId(), 'env', { env: { test: 'foo' }, capture: true });
  const open = await server.expect('succeeded');
  expect(open.stdout).toMatch(/^test=foo$/m);
  expect(open).not.toHaveProperty('reason');
});
