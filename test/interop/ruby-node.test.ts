import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { RubyNode } from './support/ruby-node.js';
import { SimulatedServer } from './support/simulated-server.js';

const { privateKey: nodeKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const { privateKey: unknownKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const JOB_ID = 'fc4cf902d7381c4da7d3a9f6b65f2e5a';

const whitelist = {
  greet: 'echo "hello $WHO from $CHEF_PUSH_NODE_NAME"; cat "$CHEF_PUSH_JOB_FILE"; echo oops >&2',
  fail: 'exit 3',
  sleep: 'sleep 60',
};

let server: SimulatedServer;
let node: RubyNode;

beforeEach(async () => {
  server = await SimulatedServer.start(nodeKey);
});
afterEach(async () => {
  await node.stop();
  await server.close();
});

const startNode = (options: { key?: typeof nodeKey; signing?: '1.0' | '1.1' | '1.3' } = {}): RubyNode => {
  node = RubyNode.start({
    server: server.url,
    org: 'acme',
    node: 'web1',
    key: nodeKey,
    whitelist,
    ...options,
  });
  return node;
};

/** Starts a job on the node and waits until the node runs it. */
const run = async (command: string, fields: object = {}): Promise<void> => {
  await server.message('heartbeat');
  await server.send({ type: 'commit', job_id: JOB_ID, command, ...fields });
  await server.message('ack_commit');
  await server.send({ type: 'run', job_id: JOB_ID });
  await server.message('ack_run');
};

describe('an independent node in Ruby', () => {
  it.each(['1.0', '1.1', '1.3'] as const)(
    'fetches its config with signing version %s and exchanges messages',
    async (signing) => {
      startNode({ signing });
      const first = await server.message('heartbeat');
      expect(first).toMatchObject({
        node: 'web1',
        org: 'acme',
        sequence: 1,
        job_state: 'idle',
        job_id: null,
      });
      const { incarnation_id } = await node.event(({ event }) => event === 'server_heartbeat');
      expect(incarnation_id).toBe(server.incarnationId);
      await server.send({ type: 'ack' });
      await node.received('ack');
      await server.send({ type: 'abort' });
      expect(await server.message('aborted')).toMatchObject({ job_id: null });
      expect(server.dropped).toBe(0);
    },
  );

  it('runs a job with an environment and a file, and sends its output', async () => {
    startNode();
    await run('greet', { env: { WHO: 'world' }, file: 'base64:YSBmaWxlCg==', capture: true });
    expect(await server.message('succeeded')).toMatchObject({
      job_id: JOB_ID,
      stdout: 'hello world from web1\na file\n',
      stderr: 'oops\n',
    });
  });

  it('reports a command that failed', async () => {
    startNode();
    await run('fail');
    expect(await server.message('failed')).toMatchObject({ job_id: JOB_ID });
  });

  it('reports a running job in its heartbeats, and ends it on abort', async () => {
    startNode();
    await run('sleep');
    await eventually(() =>
      server.messages.some((message) => message.type === 'heartbeat' && message.job_state === 'running'),
    );
    await server.send({ type: 'abort' });
    expect(await server.message('aborted')).toMatchObject({ job_id: JOB_ID });
  });

  it('votes no for a command that is not in its whitelist', async () => {
    startNode();
    await server.message('heartbeat');
    await server.send({ type: 'commit', job_id: JOB_ID, command: 'rm -rf /' });
    expect(await server.message('nack_commit')).toMatchObject({ job_id: JOB_ID });
    await server.send({ type: 'run', job_id: JOB_ID });
    expect(await server.message('nack_run')).toMatchObject({ job_id: JOB_ID });
  });

  it('reconnects when the heartbeats of the server return after an interruption', async () => {
    startNode();
    await server.message('heartbeat');
    server.stopHeartbeats();
    await node.event(({ event }) => event === 'offline');
    const before = server.messages.length;
    server.startHeartbeats();
    await node.event(({ event }) => event === 'online');
    expect(await server.message('heartbeat', before)).toMatchObject({ sequence: 1, job_state: 'idle' });
  });

  it('drops commands and heartbeats with an invalid signature', async () => {
    startNode();
    await server.message('heartbeat');
    await server.send({ type: 'abort' }, Buffer.alloc(32));
    expect(await node.event(({ event }) => event === 'dropped')).toMatchObject({ reason: 'wrong HMAC' });
    server.heartbeatKey = unknownKey;
    await node.event(({ event, reason }) => event === 'dropped' && reason?.startsWith('wrong RSA') === true);
    expect(node.events.some(({ message }) => message?.type === 'aborted')).toBe(false);
  });

  it('gets no config if it signs with another key', async () => {
    startNode({ key: unknownKey });
    const { reason } = await node.event(({ event }) => event === 'config_rejected');
    expect(reason).toContain('401');
    expect(await node.ended()).toBe(1);
  });

  it('ends on TERM together with its command', async () => {
    startNode();
    await run('sleep');
    expect(await node.stop()).toBe(0);
    expect(node.events.at(-1)).toEqual({ event: 'stopped' });
  });
});
