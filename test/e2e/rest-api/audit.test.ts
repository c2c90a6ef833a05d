import { createPrivateKey } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makePrivateKey } from '../../dev-chef-server/key-pair.js';
import { sendSigned, type TestSigner } from '../../support/signed-sender.js';
import { QUIET_SETTINGS } from '../../support/server-settings.js';
import { ORG } from '../../support/server-surroundings.js';
import { useServer } from '../../support/use-server.js';

const server = useServer(QUIET_SETTINGS);
let otherPem: string;

const auditLines = (): Record<string, unknown>[] => server.log.filter(({ scope }) => scope === 'audit');

const post = (signer: Partial<TestSigner>, path = 'jobs', headers: Record<string, string> = {}) =>
  sendSigned(
    server.url(''),
    { user: 'alice', key: server.userKey, ...signer },
    {
      method: 'POST',
      path: `/organizations/${ORG}/pushy/${path}`,
      body: JSON.stringify({ command: 'chef-client', nodes: ['web1', 'web2'], user: 'www-data' }),
      headers: { 'Content-Type': 'application/json', ...headers },
    },
  );

beforeAll(async () => {
  otherPem = await makePrivateKey();
  await server.chef.createUser('bob', { orgs: [ORG], privateKey: otherPem });
});
beforeEach(() => void server.log.splice(0));

describe('the audit log', () => {
  it('contains who started which job, on which nodes, as which user and from which address', async () => {
    const { json } = await post({}, 'jobs', { 'X-Forwarded-For': '192.0.2.7' });
    expect(auditLines()).toEqual([
      expect.objectContaining({
        action: 'job_start',
        outcome: 'started',
        org: ORG,
        user: 'alice',
        type: 'user',
        from: ['127.0.0.1', '192.0.2.7'],
        job: (json as { uri: string }).uri.slice(-32),
        command: 'chef-client',
        runAs: 'www-data',
        nodes: ['web1', 'web2'],
        node_count: 2,
      }),
    ]);
  });

  it('contains who aborted which job', async () => {
    await server.availableNode('web3');
    const id = await server.startJob({ nodes: ['web3'] });
    server.log.splice(0);
    await post({}, `jobs/${id}/abort`);
    expect(auditLines()).toMatchObject([
      { action: 'job_abort', outcome: 'called_off', user: 'alice', job: id, nodes: ['web3'] },
    ]);
  });

  it('contains who was not allowed to start a job, and why', async () => {
    await post({ user: 'bob', key: createPrivateKey(otherPem) });
    expect(auditLines()).toMatchObject([
      {
        level: 'warn',
        action: 'POST /organizations/:org/pushy/jobs',
        outcome: 'refused',
        reason: 'rights',
        org: ORG,
        user: 'bob',
        from: ['127.0.0.1'],
      },
    ]);
  });

  it('contains one line for many requests with an invalid signature', async () => {
    const wrong = { key: createPrivateKey(otherPem) };
    await Promise.all([post(wrong), post(wrong), post(wrong), post({ ...wrong, user: 'bob', nowMs: 0 })]);
    const lines = auditLines();
    expect(lines.map(({ reason }) => reason).sort()).toEqual(['clock_skew', 'signature']);
    expect(lines[0]).toMatchObject({ outcome: 'refused', verified: false });
  });

  it('contains one unverified line for many requests that name a user of another organization', async () => {
    await server.chef.createUser('eve');
    const outsider = { user: 'eve', key: createPrivateKey(otherPem) };
    const responses = await Promise.all([post(outsider), post(outsider), post(outsider)]);
    expect(responses.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect(auditLines()).toEqual([
      expect.objectContaining({ outcome: 'refused', reason: 'association', user: 'eve', verified: false }),
    ]);
  });

  it('contains no line for read requests', async () => {
    await server.get('jobs');
    await server.get('node_states');
    expect(auditLines()).toEqual([]);
  });

  it('contains a line for the first session key of a node, and one for its replacement', async () => {
    const identity = await server.createIdentity('web4');
    await server.fetchConfig(identity);
    await server.fetchConfig(identity);
    await server.chef.rotateKey({ name: 'web4', org: ORG }, { privateKey: otherPem });
    await server.fetchConfig({ ...identity, key: otherPem });
    expect(auditLines()).toMatchObject([
      { action: 'node_key', outcome: 'made', user: 'web4', type: 'client', nodes: ['web4'] },
      { action: 'node_key', outcome: 'replaced', user: 'web4', type: 'client', nodes: ['web4'] },
    ]);
  });

  it('contains no key', async () => {
    await server.fetchConfig(await server.createIdentity('web5'));
    await post({});
    expect(JSON.stringify(server.log)).not.toMatch(/PRIVATE KEY|PUBLIC KEY|"key":"(?!\[secret\])/);
  });
});
