import { createPrivateKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { RubyNode } from './support/ruby-node.js';
import { rubySign } from './support/ruby.js';
import { ORG } from '../support/server-surroundings.js';
import { useServer } from '../support/use-server.js';

/** Grace period of the previous keys: long enough for a restart of the server and a job. */
const GRACE_MS = 10_000;

const server = useServer();

const whitelist = { greet: 'echo "hello from $CHEF_PUSH_NODE_NAME"; echo oops >&2', sleep: 'sleep 60' };

const startRubyNode = async (name: string): Promise<RubyNode> => {
  const { key } = await server.createIdentity(name);
  return RubyNode.start({
    server: server.url(''),
    org: ORG,
    node: name,
    key: createPrivateKey(key),
    whitelist,
  });
};

const waitUntilAvailable = (name: string): Promise<void> =>
  server.nodeBecomes(name, 'available', { withinMs: 40_000 });

describe('a node in Ruby with the libraries of the Ruby client', () => {
  it('fetches its config, answers `abort`, runs a job and sends its output', async () => {
    const node = await startRubyNode('ruby1');
    try {
      await node.received('abort');
      await node.sent('aborted');
      await waitUntilAvailable('ruby1');
      const id = await server.startJob({ command: 'greet', nodes: ['ruby1'], capture_output: true });
      for (const step of ['ack_commit', 'ack_run', 'succeeded']) await node.sent(step);

      expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['ruby1'] });
      expect(await server.getOutput(id, 'ruby1', 'stdout')).toMatchObject({
        value: { status: 200, body: Buffer.from('hello from ruby1\n') },
      });
    } finally {
      await node.stop();
    }
  });

  it('votes no for a command that is not in its whitelist, and the quorum fails', async () => {
    const node = await startRubyNode('ruby2');
    try {
      await waitUntilAvailable('ruby2');
      const id = await server.startJob({ command: 'rm -rf /', nodes: ['ruby2'] });
      expect((await server.jobBecomes(id, 'quorum_failed')).nodes).toEqual({ nacked: ['ruby2'] });
    } finally {
      await node.stop();
    }
  });

  it('crashes a job if it ends during the run', async () => {
    const node = await startRubyNode('ruby3');
    await waitUntilAvailable('ruby3');
    const id = await server.startJob({ command: 'sleep', nodes: ['ruby3'] });
    await node.sent('ack_run');
    await node.stop();
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ crashed: ['ruby3'] });
  });

  it('keeps its config after a key rotation until the end of the grace period is near', async () => {
    const node = await startRubyNode('ruby4');
    const configs = (): string[] =>
      node.events.filter(({ event }) => event === 'configured').map(({ incarnation_id: id }) => id!);
    try {
      await waitUntilAvailable('ruby4');
      await server.rotateKeys(GRACE_MS);
      const until = Date.parse(server.secrets.previous!.valid_until);
      await waitUntilAvailable('ruby4');
      const id = await server.startJob({ command: 'greet', nodes: ['ruby4'] });
      expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['ruby4'] });
      expect(configs()).toHaveLength(1);

      await eventually(() => configs().length > 1);
      expect(configs()[1]).not.toBe(configs()[0]);
      await eventually(() => Date.now() > until);
      const after = await server.startJob({ command: 'greet', nodes: ['ruby4'] });
      expect((await server.jobBecomes(after, 'complete')).nodes).toEqual({ succeeded: ['ruby4'] });
      expect(configs()).toHaveLength(2);
    } finally {
      await node.stop();
    }
  });
});

describe.each(['1.0', '1.1', '1.3'] as const)(
  'a request that mixlib-authentication signed with %s',
  (version) => {
    const path = `/organizations/${ORG}/pushy/jobs`;
    const body = Buffer.from(JSON.stringify({ command: 'greet', nodes: ['nobody'] }));

    const sign = (): Promise<Record<string, string>> =>
      rubySign({ method: 'POST', path, body, user: 'alice', key: server.userKey, version, now: Date.now() });

    const post = async (headers: Record<string, string>, sent: Buffer): Promise<number> => {
      const response = await server.http.send({
        method: 'POST',
        url: server.url(path),
        headers: { ...headers, Accept: 'application/json', 'Content-Type': 'application/json' },
        body: sent,
      });
      if (!response.ok) throw new Error(response.error.reason);
      return response.value.status;
    };

    it('starts a job', async () => {
      expect(await post(await sign(), body)).toBe(201);
    });

    it('starts nothing if its body has changed', async () => {
      const before = (await server.get<unknown[]>('jobs')).body.length;
      const other = Buffer.from(JSON.stringify({ command: 'reboot', nodes: ['nobody'] }));
      expect(await post(await sign(), other)).toBe(401);
      expect((await server.get<unknown[]>('jobs')).body).toHaveLength(before);
    });
  },
);
