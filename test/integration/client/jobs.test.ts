import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { acquireRunLock } from '../../../src/shared/platform/run-lock.js';
import { ClientUnderTest } from '../../support/client-under-test.js';
import { eventually } from '../../support/eventually.js';
import { SimulatedPushServer } from '../../support/simulated-push-server.js';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const newJobId = (): string => randomBytes(16).toString('hex');
/** Only root can run a job as another user. */
const asRoot = test.runIf(process.getuid?.() === 0);
const isAlive = (pid: number): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false; // there is no such process
  }
};

/** Starts a grandchild that would run for long, writes its process id, and waits. */
const FAMILY = "sh -c 'sleep 300 & echo $! > pid; wait'";

const LOCK = join(mkdtempSync(join(tmpdir(), 'push-jobs-lock-')), 'lock');

const SETTINGS = String.raw`
  whitelist({
    'both' => 'echo to stdout; echo to stderr >&2',
    'fail' => 'exit 7',
    'suicide' => 'kill -KILL $$',
    'env' => 'env',
    'where' => 'pwd; id -un; id -G',
    'file' => 'cat "$CHEF_PUSH_JOB_FILE"; stat -c %a:%U "$CHEF_PUSH_JOB_FILE"',
    'count' => 'echo started >> starts',
    'family' => "${FAMILY}",
    'stubborn' => "trap '' TERM; ${FAMILY}; sleep 300",
    'noise' => 'i=0; while [ $i -lt 20000 ]; do echo "line $i of the output"; i=$((i+1)); done',
    'binary' => 'printf "\\377\\000end"',
    'locked' => { 'command_line' => 'true', 'lock' => '${LOCK}' },
    /echo (.*)/ => 'printf "<%s>" \1'
  })
`;

let server: SimulatedPushServer;
let client: ClientUnderTest;

beforeAll(async () => {
  server = await SimulatedPushServer.start({ org: 'acme', node: 'web1', nodeKey: keys.publicKey });
  server.startHeartbeats();
});
afterAll(async () => {
  rmSync(dirname(LOCK), { recursive: true });
  await server.close();
});

beforeEach(async () => {
  client = new ClientUnderTest({
    serverUrl: server.url,
    node: 'web1',
    key: keys.privateKey,
    settings: SETTINGS,
    env: { SECRET_OF_THE_CLIENT: 'inherited', HOME: '/' },
  });
  server.forgetMessages();
  await server.expect('heartbeat');
});
afterEach(async () => {
  await client.stop();
});

describe('a running command', () => {
  test('succeeds with its output if it exits with 0', async () => {
    const job = newJobId();
    await server.startJob(job, 'both', { capture: true });
    const result = await server.expect('succeeded');
    expect(result).toMatchObject({
      job_id: job,
      stdout: 'to stdout\n',
      stderr: 'to stderr\n',
      exit_code: 0,
    });
    expect(result.duration_ms).toBeGreaterThanOrEqual(0);
  });

  test('reports no output if the job does not capture it', async () => {
    await server.startJob(newJobId(), 'both');
    const result = await server.expect('succeeded');
    expect(result).not.toHaveProperty('stdout');
    expect(result).not.toHaveProperty('stderr');
  });

  test('fails with exit code or signal otherwise', async () => {
    await server.startJob(newJobId(), 'fail', { capture: true });
    expect(await server.expect('failed')).toMatchObject({ exit_code: 7, stdout: '' });
    await server.startJob(newJobId(), 'suicide');
    const killed = await server.expect('failed');
    expect(killed.signal).toBe('SIGKILL');
    expect(killed).not.toHaveProperty('exit_code');
  });

  test('is reported in heartbeats', async () => {
    const dir = client.makeFolder('work');
    const job = newJobId();
    await server.commit(job, 'family', { dir });
    await server.expect('ack_commit');
    await eventually(() => server.heartbeats.at(-1)?.job_state === 'committed');
    await server.send({ type: 'run', job_id: job });
    await server.expect('ack_run');
    await eventually(() => {
      const { job_state: state, job_id: id } = server.heartbeats.at(-1)!;
      return state === 'running' && id === job;
    });
    await server.send({ type: 'abort' });
    await server.expect('aborted');
    await eventually(() => server.heartbeats.at(-1)?.job_state === 'idle');
  });

  test('keeps the end of too much output below a line that says how much was cut', async () => {
    await server.startJob(newJobId(), 'noise', { capture: true });
    const result = await server.expect('succeeded');
    const [first, ...lines] = result.stdout!.split('\n');
    expect(first).toMatch(/the first \d+ bytes of output were cut/);
    expect(lines.at(-2)).toBe('line 19999 of the output');
    const whole = Array.from({ length: 20_000 }, (_, i) => `line ${i} of the output\n`).join('').length;
    const kept = result.stdout!.length - first!.length - 1;
    expect(Number(/\d+/.exec(first!)?.[0]) + kept).toBe(whole);
    const { bodyBytes } = server.received.find(({ message }) => message === result)!;
    expect(bodyBytes).toBeLessThanOrEqual(63_000);
    expect(bodyBytes).toBeGreaterThan(60_000);
  });

  test('gets replacement characters into output that is not UTF-8', async () => {
    await server.startJob(newJobId(), 'binary', { capture: true });
    expect((await server.expect('succeeded')).stdout).toBe('\ufffd\ufffdend');
  });

  test('gets the text of a job name as one literal word', async () => {
    const hostileText = `a b  "c" 'd' $(id) \`id\` ; id > /tmp/x \\ * é`;
    await server.startJob(newJobId(), `echo ${hostileText}`, { capture: true });
    expect((await server.expect('succeeded')).stdout).toBe(`<${hostileText}>`);
  });
});

describe('votes', () => {
  const nack = async (command: string, fields: object = {}): Promise<string | undefined> => {
    const job = newJobId();
    await server.commit(job, command, fields);
    const vote = await server.expect('nack_commit');
    expect(vote.job_id).toBe(job);
    return vote.reason;
  };

  test('no on a name that is not in the whitelist', async () => {
    expect(await nack('rm -rf /')).toContain('whitelist');
    expect(await nack('xecho a')).toContain('/echo (.*)/ matches a part of it only');
    expect(await nack('both\n')).toContain('whitelist');
  });

  test('no on an invalid user, folder or file', async () => {
    expect(await nack('both', { user: 'no-such-user' })).toContain("no user 'no-such-user'");
    expect(await nack('both', { user: '-x; id' })).toContain('not a user name');
    expect(await nack('both', { dir: '/no/such/folder' })).toContain('/no/such/folder');
    expect(await nack('both', { dir: '/etc/passwd' })).toContain('not a folder');
    expect(await nack('both', { file: 'hex:00' })).toContain('raw:');
  });

  test('no while another program holds the lock of the command', async () => {
    const lock = await acquireRunLock(LOCK);
    if (!lock.ok) throw new Error(lock.error.reason);
    expect(await nack('locked')).toContain('is held by another program');
    await lock.value.release();
    await server.startJob(newJobId(), 'locked');
    await server.expect('succeeded');
  });

  test('no while busy, without disturbing the running job', async () => {
    const dir = client.makeFolder('work');
    const job = newJobId();
    await server.startJob(job, 'family', { dir });
    expect(await nack('both')).toContain('busy');
    await server.send({ type: 'abort' });
    expect((await server.expect('aborted')).job_id).toBe(job);
  });

  test('by a whitelist that is reread on HUP; an invalid file changes nothing', async () => {
    client.writeSettings("whitelist 'new' => }");
    client.signal('SIGHUP');
    await eventually(() => client.output.includes('the previous one stays in use'));
    await server.startJob(newJobId(), 'both');
    await server.expect('succeeded');
    client.writeSettings("whitelist({ 'new' => 'true' })");
    client.signal('SIGHUP');
    await eventually(() => client.output.includes('the whitelist was reread'));
    await server.startJob(newJobId(), 'new');
    await server.expect('succeeded');
    expect(await nack('both')).toContain('whitelist');
  });
});

test('rereads a changed settings file without a signal and without disturbing the running job', async () => {
  const dir = client.makeFolder('work');
  const job = newJobId();
  await server.startJob(job, 'family', { dir });
  client.writeSettings("whitelist({ 'new' => 'true' })");
  await eventually(() => client.output.includes('the whitelist was reread'), { withinMs: 40_000 });
  await eventually(() => server.heartbeats.at(-1)?.job_state === 'running');
  await server.send({ type: 'abort' });
  expect((await server.expect('aborted')).job_id).toBe(job);
  await server.startJob(newJobId(), 'new');
  await server.expect('succeeded');
});

describe('user, folder, environment, file', () => {
  asRoot(
    'runs the command as the user of the job, with that user’s groups, in the folder',
    async ({ skip }) => {
      if (process.getuid?.() !== 0) skip();
      await server.startJob(newJobId(), 'where', { user: 'daemon', dir: '/tmp', capture: true });
      expect((await server.expect('succeeded')).stdout).toBe('/tmp\ndaemon\n1\n');
      await server.startJob(newJobId(), 'env', { user: 'root', capture: true });
      expect((await server.expect('succeeded')).stdout).toMatch(/^HOME=\/root$/m); // not the HOME of the client
      await server.startJob(newJobId(), 'env', { user: 'daemon', capture: true });
      expect((await server.expect('succeeded')).stdout).toMatch(/^HOME=\/usr\/sbin$/m);
    },
  );

  test('passes variables that describe the job, and the harmless variables of the job', async () => {
    const job = newJobId();
    const env = { MINE: 'é 1', LD_PRELOAD: '/tmp/evil.so', CHEF_PUSH_JOB_ID: 'forged' };
    await server.startJob(job, 'env', { env, capture: true });
    const result = await server.expect('succeeded');
    expect(result.reason).toBe('the job must not set LD_PRELOAD; its command got CHEF_PUSH_ENV_LD_PRELOAD');
    const lines = result.stdout!.split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'MINE=é 1',
        'CHEF_PUSH_ENV_LD_PRELOAD=/tmp/evil.so',
        'CHEF_PUSH_NODE_NAME=web1',
        `CHEF_PUSH_JOB_ID=${job}`,
        'SECRET_OF_THE_CLIENT=inherited',
      ]),
    );
    expect(lines.some((line) => line.startsWith('LD_PRELOAD='))).toBe(false);
    await eventually(() => client.output.includes('the job must not set LD_PRELOAD;'));
    expect(client.output).not.toContain('evil');
  });

  asRoot('gives the file of the job to its user only, and removes it afterwards', async () => {
    const fields = { user: 'daemon', file: 'base64:aGVsbG8K', capture: true };
    chmodSync(client.root, 0o755); // the user must pass through the test's folder
    await server.startJob(newJobId(), 'file', fields);
    expect((await server.expect('succeeded')).stdout).toBe('hello\n600:daemon\n');
    await eventually(() => client.jobFiles().length === 0);
  });
});

describe('the end', () => {
  const startFamily = async (command: string): Promise<number> => {
    const dir = client.makeFolder('work');
    await server.startJob(newJobId(), command, { dir });
    return eventually(() => Number(readFileSync(`${dir}/pid`, 'utf8')) || undefined);
  };

  test('abort ends the command and its grandchildren before it is confirmed', async () => {
    const grandchild = await startFamily('family');
    expect(isAlive(grandchild)).toBe(true);
    await server.send({ type: 'abort' });
    await server.expect('aborted');
    expect(isAlive(grandchild)).toBe(false);
  });

  test('abort kills a command that ignores TERM after the grace period', async () => {
    const grandchild = await startFamily('stubborn');
    await server.send({ type: 'abort' });
    await server.expect('aborted');
    expect(isAlive(grandchild)).toBe(false);
  });

  test('TERM ends the command and its grandchildren, reports the abort, and exits with 0', async () => {
    const grandchild = await startFamily('family');
    client.signal('SIGTERM');
    expect(await client.exit).toBe(0);
    expect(isAlive(grandchild)).toBe(false);
    await server.expect('aborted');
  });
});
