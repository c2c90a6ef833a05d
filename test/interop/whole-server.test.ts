import { createPrivateKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { ORG, ServerUnderTest } from '../support/server-under-test.js';
import { RubyNode } from './support/ruby-node.js';
import { rubySign } from './support/ruby.js';

/** How long the old keys of the server count: long enough for it to start again, and for a job. */
const GRACE_MS = 10_000;

let server: ServerUnderTest;
beforeAll(async () => (server = await ServerUnderTest.start()));
afterAll(() => server.close());

const whitelist = { greet: 'echo "hello from $CHEF_PUSH_NODE_NAME"; echo oops >&2', sleep: 'sleep 60' };

const startRubyNode = async (name: string): Promise<RubyNode> => {
  const { key } = await server.identity(name);
  return RubyNode.start({
    server: server.url(''),
    org: ORG,
    node: name,
    key: createPrivateKey(key),
    whitelist,
  });
};

const becomesAvailable = (name: string): Promise<true> =>
  eventually(async () => (await server.nodeState(name)).availability === 'available', { withinMs: 40_000 });

describe('a node in Ruby, on the libraries of the Ruby client', () => {
  it('goes the whole way: config, abort, commit, run, output', async () => {
    const node = await startRubyNode('ruby1');
    try {
      await node.received('abort');
      await node.sent('aborted');
      await becomesAvailable('ruby1');
      const id = await server.startJob({ command: 'greet', nodes: ['ruby1'], capture_output: true });
      for (const step of ['ack_commit', 'ack_run', 'succeeded']) await node.sent(step);

      expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['ruby1'] });
      const output = await server.as().send({
        method: 'GET',
        url: server.url(`/organizations/${ORG}/pushy/jobs/${id}/output/ruby1/stdout`),
        headers: { Accept: 'application/octet-stream' },
      });
      expect(output).toMatchObject({ value: { status: 200, body: Buffer.from('hello from ruby1\n') } });
    } finally {
      await node.stop();
    }
  });

  it('votes no on a command that its whitelist has not, and the quorum fails', async () => {
    const node = await startRubyNode('ruby2');
    try {
      await becomesAvailable('ruby2');
      const id = await server.startJob({ command: 'rm -rf /', nodes: ['ruby2'] });
      expect((await server.jobBecomes(id, 'quorum_failed')).nodes).toEqual({ nacked: ['ruby2'] });
    } finally {
      await node.stop();
    }
  });

  it('that dies while it runs a job has crashed', async () => {
    const node = await startRubyNode('ruby3');
    await becomesAvailable('ruby3');
    const id = await server.startJob({ command: 'sleep', nodes: ['ruby3'] });
    await node.sent('ack_run');
    await node.stop();
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ crashed: ['ruby3'] });
  });

  it('keeps its config when the keys of the server are rotated, until it is told near the end', async () => {
    const node = await startRubyNode('ruby4');
    const configs = (): string[] =>
      node.events.filter(({ event }) => event === 'configured').map(({ incarnation_id: id }) => id!);
    try {
      await becomesAvailable('ruby4');
      await server.rotateKeys(GRACE_MS);
      const until = Date.parse(server.secrets.previous!.valid_until);
      await becomesAvailable('ruby4');
      const id = await server.startJob({ command: 'greet', nodes: ['ruby4'] });
      expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['ruby4'] });
      expect(configs()).toHaveLength(1);

      await eventually(() => configs().length > 1);
      expect(Date.now()).toBeLessThan(until);
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
      const answer = await server.http.send({
        method: 'POST',
        url: server.url(path),
        headers: { ...headers, Accept: 'application/json', 'Content-Type': 'application/json' },
        body: sent,
      });
      if (!answer.ok) throw new Error(answer.error.reason);
      return answer.value.status;
    };

    it('starts a job', async () => {
      expect(await post(await sign(), body)).toBe(201);
    });

    it('starts nothing once its body was changed', async () => {
      const before = (await server.get<unknown[]>('jobs')).body.length;
      const other = Buffer.from(JSON.stringify({ command: 'reboot', nodes: ['nobody'] }));
      expect(await post(await sign(), other)).toBe(401);
      expect((await server.get<unknown[]>('jobs')).body).toHaveLength(before);
    });
  },
);
