import pg from 'pg';
import { createPrivateKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PushJobsClient } from '../../../src/shared/api-client/push-jobs-client.js';
import { makePrivateKey } from '../../dev-chef-server/key-pair.js';
import { eventually } from '../../support/eventually.js';
import { ORG, ServerUnderTest } from '../../support/server-under-test.js';
import { sendSigned, type TestSigner } from '../../support/signed-sender.js';

/**
 * Milliseconds: on a slow machine a node must not get `abort` twice where a test waits for the next command. Heartbeats
 * are rare for the same reason: those of a simulated node say that it is idle, whatever it does.
 */
const LONG = 60_000;

let server: ServerUnderTest;

const start = (key: string | undefined, change: object = {}, signer: Partial<TestSigner> = {}) =>
  sendSigned(
    server.url(''),
    { user: 'alice', key: server.userKey, ...signer },
    {
      method: 'POST',
      path: `/organizations/${ORG}/pushy/jobs`,
      body: JSON.stringify({ command: 'chef-client', nodes: ['away'], ...change }),
      headers: {
        'Content-Type': 'application/json',
        ...(key === undefined ? {} : { 'Idempotency-Key': key }),
      },
    },
  );

const jobCount = async (): Promise<unknown> =>
  (await server.database.sql('SELECT count(*)::int AS count FROM jobs'))[0]?.count;

/** Runs what is given while nobody can connect to the server's database. */
const withoutDatabase = async (work: () => Promise<void>): Promise<void> => {
  const { database_name: name } = server.config.database as { database_name: string };
  const admin = new pg.Client({ connectionString: process.env.PUSH_JOBS_TEST_POSTGRES });
  await admin.connect();
  await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
  await work();
  await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  await admin.end();
};

beforeAll(
  async () => (server = await ServerUnderTest.start({ rehab_timer: LONG, heartbeat_interval: 2_000 })),
);
afterAll(() => server.close());

describe('a request with an Idempotency-Key', () => {
  it('that comes again gets the same answer, and starts nothing', async () => {
    const first = await start('again');
    const before = await jobCount();
    const second = await start('again');
    expect(second).toMatchObject({ status: 201, json: first.json });
    expect(second.headers.location).toBe(first.headers.location);
    expect(await jobCount()).toBe(before);
  });

  it('that comes ten times at once starts one job', async () => {
    const before = (await jobCount()) as number;
    const answers = await Promise.all(Array.from({ length: 10 }, () => start('at-once')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await jobCount()).toBe(before + 1);
  });

  it('that comes again with another body is 422, and starts nothing', async () => {
    const first = await start('other-body');
    const before = await jobCount();
    const id = (first.json as { uri: string }).uri.slice(-32);
    expect(await start('other-body', { command: 'uptime' })).toMatchObject({
      status: 422,
      json: { error: `this Idempotency-Key came before with another body, and started the job ${id}` },
    });
    expect(await jobCount()).toBe(before);
  });

  it('comes again after a restart and is known', async () => {
    const first = await start('restart');
    await server.halt();
    await server.boot();
    expect((await start('restart')).json).toEqual(first.json);
  });

  it('is nothing to another user with the same key', async () => {
    const pem = await makePrivateKey();
    await server.chef.createUser('bob', { orgs: [ORG], admin: true, privateKey: pem });
    const mine = await start('shared');
    const other = await start('shared', {}, { user: 'bob', key: createPrivateKey(pem) });
    expect(other.status).toBe(201);
    expect(other.json).not.toEqual(mine.json);
  });

  it('that was answered with 5xx has started nothing, and starts one job when it comes again', async () => {
    const before = (await jobCount()) as number;
    await withoutDatabase(async () => {
      const answer = await start('outage');
      expect(answer.status).toBe(503);
      expect(answer.headers['retry-after']).toBe('5');
    });
    const answer = await eventually(async () => {
      const again = await start('outage');
      return again.status === 201 ? again : undefined;
    });
    expect((await start('outage')).json).toEqual(answer.json);
    expect(await jobCount()).toBe(before + 1);
  });

  it('starts anew where what was stored of it had to be given up', async () => {
    const first = await start('given-up');
    const id = (first.json as { uri: string }).uri.slice(-32);
    await server.jobBecomes(id, 'quorum_failed');
    // As a job is marked that was stored although its sender was told that it was not.
    await server.database.sql('UPDATE jobs SET status = 7 WHERE id = $1', [id]);
    const second = await start('given-up');
    expect(second.status).toBe(201);
    expect(second.json).not.toEqual(first.json);
    expect((await start('given-up')).json).toEqual(second.json);
  });

  it.each(['two words', 'x'.repeat(256), 'schl\u00fcssel'])('of %s is refused', async (key) => {
    expect(await start(key)).toMatchObject({
      status: 400,
      json: { error: 'Idempotency-Key must be 1 to 255 visible characters of ASCII' },
    });
  });
});

describe('a request without one', () => {
  it('starts a job each time', async () => {
    expect((await start(undefined)).json).not.toEqual((await start(undefined)).json);
  });
});

/** As somebody sends it who has got hold of it: byte for byte the same. */
describe('a signed request that comes again', () => {
  const [signer, earlier] = [{ nowMs: Date.now() }, { nowMs: Date.now() - 60_000 }];

  it('later than the next second is refused, whatever unsigned is added, but with the key that it had', async () => {
    const first = await start('lost-answer', {}, earlier);
    expect((await start(undefined, {}, signer)).status).toBe(201);
    const again = async () => {
      const { status, json } = await start(undefined, {}, signer);
      return status === 201 ? undefined : { status, json };
    };
    const text = 'this request was served already; sign a new one';
    expect(await eventually(again, { everyMs: 200 })).toEqual({ status: 401, json: { error: [text] } });

    const before = await jobCount();
    expect((await start('added', {}, signer)).status).toBe(401);
    expect((await start('other', {}, earlier)).status).toBe(401);
    expect((await start('lost-answer', {}, earlier)).json).toEqual(first.json);
    expect(await jobCount()).toBe(before);
    expect(server.log).toContainEqual(
      expect.objectContaining({ action: 'job_start', outcome: 'replayed', user: 'alice', nodes: ['away'] }),
    );
  });
});

describe('a dry run', () => {
  it('tells which nodes would take part, and neither stores nor asks anything', async () => {
    const [free, busy] = [await server.availableNode('free1'), await server.availableNode('busy1')];
    const id = await server.startJob({ nodes: ['busy1'] });
    await busy.expectCommand('commit');
    await busy.sendJobMessage('ack_commit', id);
    await busy.expectCommand('run');
    const before = await jobCount();
    const answer = await start(undefined, { nodes: ['free1', 'busy1', 'away'], quorum: 2, dry_run: true });
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.json).toEqual({
      dry_run: true,
      quorum: 2,
      quorum_reached: false,
      nodes: {
        available: ['free1'],
        unavailable: [
          { node_name: 'busy1', reason: 'busy' },
          { node_name: 'away', reason: 'never_seen' },
        ],
      },
    });
    expect(await jobCount()).toBe(before);
    expect(free.commands.filter(({ type }) => type === 'commit')).toEqual([]);
  });

  it('is judged like a job, and needs the right to start one', async () => {
    expect((await start(undefined, { dry_run: true, nodes: [] })).status).toBe(400);
    expect(await start(undefined, { dry_run: 'yes' })).toMatchObject({
      status: 400,
      json: { error: 'invalid type supplied for dry_run (expected a boolean)' },
    });
    const pem = await makePrivateKey();
    await server.chef.createUser('carol', { orgs: [ORG], privateKey: pem });
    const carol = { user: 'carol', key: createPrivateKey(pem) };
    expect((await start(undefined, { dry_run: true }, carol)).status).toBe(403);
  });

  it('that is false is a job', async () => {
    expect((await start(undefined, { dry_run: false })).status).toBe(201);
  });
});

describe('the API client', () => {
  it('can start a job once, however often it has to ask, and ask for a dry run', async () => {
    const client = new PushJobsClient({
      serverUrl: server.url(`/organizations/${ORG}`),
      user: 'alice',
      key: server.userKey,
    });
    const request = { command: 'uptime', nodes: ['away'] };
    const first = await client.startJob(request, { idempotencyKey: 'client-1' });
    expect(first.ok).toBe(true);
    expect(await client.startJob(request, { idempotencyKey: 'client-1' })).toEqual(first);
    expect(await client.dryRun(request)).toMatchObject({
      ok: true,
      value: { quorum_reached: false, nodes: { available: [] } },
    });
    await client.close();
  });
});
