import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readProcess } from '../../../src/client/job/proc-table.js';
import { ClientUnderTest } from '../../support/client-under-test.js';
import { eventually } from '../../support/eventually.js';
import { canMakeCgroups } from '../../support/own-cgroup.js';
import { SimulatedPushServer } from '../../support/simulated-push-server.js';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const newJobId = (): string => randomBytes(16).toString('hex');

const SETTINGS = `
  whitelist({
    'once' => 'echo $$ >> starts; exec sleep 300',
    'escape' => 'setsid sh -c "echo \\$\\$ > escaped; exec sleep 300" & echo $$ >> starts; exec sleep 300',
    'vanish' => 'env -i setsid -f /bin/sh -c "echo \\$\\$ > vanished; exec sleep 300"; exec sleep 300',
    'quick' => 'echo $$ >> starts',
    'daemon' => 'setsid sh -c "echo \\$\\$ > daemon; exec sleep 300" & exit 0'
  })
`;

let server: SimulatedPushServer;
let client: ClientUnderTest;
let dir: string;

beforeEach(async () => {
  server = await SimulatedPushServer.start({ org: 'acme', node: 'web1', nodeKey: keys.publicKey });
  server.startHeartbeats();
  client = new ClientUnderTest({
    serverUrl: server.url,
    node: 'web1',
    key: keys.privateKey,
    settings: SETTINGS,
  });
  dir = client.makeFolder('work');
  await server.expect('heartbeat');
});
afterEach(async () => {
  await client.stop();
  await server.close();
});

const pidIn = (name: string): Promise<number> =>
  eventually(
    () => Number(existsSync(`${dir}/${name}`) && readFileSync(`${dir}/${name}`, 'utf8')) || undefined,
  );

/** Kills the client and starts it again; resolves at its first heartbeat. */
const killAndRestart = async (): Promise<void> => {
  await client.kill();
  server.forgetMessages();
  server.forgetConnection();
  client.start();
  await server.expect('heartbeat');
};

test('a client that was killed ends its job before it sends the first heartbeat', async () => {
  const job = newJobId();
  await server.startJob(job, 'escape', { dir, file: 'raw:hello' });
  const [command, escaped] = [await pidIn('starts'), await pidIn('escaped')];
  expect(client.jobFiles()).toHaveLength(1);
  await client.kill();
  expect(readProcess(command)).toBeDefined();
  expect(readProcess(escaped)).toBeDefined();
  await killAndRestart();
  expect([readProcess(command), readProcess(escaped)]).toEqual([undefined, undefined]);
  expect(client.jobFiles()).toEqual([]);
  expect(server.heartbeats[0]).toMatchObject({ job_state: 'idle', job_id: null, sequence: 1 });
  expect(client.output).toContain('all processes of the job were ended');
});

test('never starts a job again after a restart, whether the job had ended or not', async () => {
  const [running, ended] = [newJobId(), newJobId()];
  await server.startJob(ended, 'quick', { dir });
  await server.expect('succeeded');
  await server.startJob(running, 'once', { dir });
  await killAndRestart();
  for (const job of [running, ended]) {
    await server.commit(job, 'quick', { dir });
    expect(await server.expect('nack_commit')).toMatchObject({
      job_id: job,
      reason: expect.stringContaining('already run here') as string,
    });
    await server.send({ type: 'run', job_id: job });
    expect(await server.expect('nack_run')).toMatchObject({ job_id: job });
  }
  expect(readFileSync(`${dir}/starts`, 'utf8').trim().split('\n')).toHaveLength(2);
  await server.startJob(newJobId(), 'quick', { dir });
  await server.expect('succeeded');
});

test('spares processes that an ended job left running on purpose', async () => {
  await server.startJob(newJobId(), 'daemon', { dir });
  await server.expect('succeeded');
  const daemon = await pidIn('daemon');
  await killAndRestart();
  expect(readProcess(daemon)).toBeDefined();
  process.kill(daemon, 'SIGKILL');
});

test('abort ends processes that left the process group', async () => {
  await server.startJob(newJobId(), 'escape', { dir });
  const escaped = await pidIn('escaped');
  await server.send({ type: 'abort' });
  await server.expect('aborted');
  expect(readProcess(escaped)).toBeUndefined();
});

describe('with cgroups, a process that cleared its environment, left the session and lost its parent is ended', () => {
  const HAS_CGROUPS = canMakeCgroups();
  let vanished: number;
  beforeEach(async () => {
    await server.startJob(newJobId(), 'vanish', { dir });
    vanished = await pidIn('vanished');
  });
  /** Without cgroups nothing shows which job the process belongs to. */
  const expectEnded = (): void => {
    const hasEnded = readProcess(vanished) === undefined;
    if (!hasEnded) process.kill(vanished, 'SIGKILL');
    expect(hasEnded).toBe(HAS_CGROUPS);
  };

  test('by an abort', async () => {
    await server.send({ type: 'abort' });
    await server.expect('aborted');
    expectEnded();
  });

  test('by the stop of the client', async () => {
    client.signal('SIGTERM');
    expect(await client.exit).toBe(0);
    expectEnded();
  });

  test('by the next start after the client was killed', async () => {
    await killAndRestart();
    expectEnded();
  });
});

test('a second client of the same node exits with 75 and leaves the journal of the first one alone', async () => {
  const journal = `${client.stateDir}/acme.web1.json`;
  writeFileSync(journal, 'half a line, as a writer may leave it for a moment');
  const second = new ClientUnderTest({
    serverUrl: server.url,
    node: 'web1',
    key: keys.privateKey,
    args: ['--state_dir', client.stateDir],
  });
  expect(await second.exit).toBe(75);
  expect(second.output).toContain('another push-jobs-client of node web1');
  expect(readFileSync(journal, 'utf8')).toContain('half a line');
  await second.stop();
});
