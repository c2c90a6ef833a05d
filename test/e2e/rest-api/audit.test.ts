import { createPrivateKey } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makePrivateKey } from '../../dev-chef-server/key-pair.js';
import { ORG, ServerUnderTest } from '../../support/server-under-test.js';
import { sendSigned, type TestSigner } from '../../support/signed-sender.js';

/**
 * Milliseconds: on a slow machine a node must not get `abort` twice where a test waits for the next command. Heartbeats
 * are rare for the same reason: those of a simulated node say that it is idle, whatever it does.
 */
const LONG = 60_000;

let server: ServerUnderTest;
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
  server = await ServerUnderTest.start({ rehab_timer: LONG, heartbeat_interval: 2_000 });
  otherPem = await makePrivateKey();
  await server.chef.createUser('bob', { orgs: [ORG], privateKey: otherPem });
});
beforeEach(() => void server.log.splice(0));
afterAll(() => server.close());

describe('the audit log', () => {
  it('tells who started which job, where, as whom and from where', async () => {
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

  it('tells who called which job off', async () => {
    await server.availableNode('web3');
    const id = await server.startJob({ nodes: ['web3'] });
    server.log.splice(0);
    await post({}, `jobs/${id}/abort`);
    expect(auditLines()).toMatchObject([
      { action: 'job_abort', outcome: 'called_off', user: 'alice', job: id, nodes: ['web3'] },
    ]);
  });

  it('tells who was not let start a job, and why', async () => {
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

  it('tells once of many whose signature is wrong, so that nobody can fill it', async () => {
    const wrong = { key: createPrivateKey(otherPem) };
    await Promise.all([post(wrong), post(wrong), post(wrong), post({ ...wrong, user: 'bob', nowMs: 0 })]);
    const lines = auditLines();
    expect(lines.map(({ reason }) => reason).sort()).toEqual(['clock_skew', 'signature']);
    expect(lines[0]).toMatchObject({ outcome: 'refused', verified: false });
  });

  it('tells once of many who only name a user of another organization, and that it was not verified', async () => {
    await server.chef.createUser('eve');
    const nobody = { user: 'eve', key: createPrivateKey(otherPem) };
    const answers = await Promise.all([post(nobody), post(nobody), post(nobody)]);
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect(auditLines()).toEqual([
      expect.objectContaining({ outcome: 'refused', reason: 'association', user: 'eve', verified: false }),
    ]);
  });

  it('says nothing of reading', async () => {
    await server.get('jobs');
    await server.get('node_states');
    expect(auditLines()).toEqual([]);
  });

  it('tells when a node got a key, and when it got another', async () => {
    const identity = await server.identity('web4');
    await server.configOf(identity);
    await server.configOf(identity);
    await server.chef.rotateKey({ name: 'web4', org: ORG }, { privateKey: otherPem });
    await server.configOf({ ...identity, key: otherPem });
    expect(auditLines()).toMatchObject([
      { action: 'node_key', outcome: 'made', user: 'web4', type: 'client', nodes: ['web4'] },
      { action: 'node_key', outcome: 'replaced', user: 'web4', type: 'client', nodes: ['web4'] },
    ]);
  });

  it('has no key in it', async () => {
    await server.configOf(await server.identity('web5'));
    await post({});
    expect(JSON.stringify(server.log)).not.toMatch(/PRIVATE KEY|PUBLIC KEY|"key":"(?!\[secret\])/);
  });
});
