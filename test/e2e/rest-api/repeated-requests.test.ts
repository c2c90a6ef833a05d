import { createPrivateKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makePrivateKey } from '../../dev-chef-server/key-pair.js';
import { eventually } from '../../support/eventually.js';
import { sendHttp } from '../../support/http-request.js';
import { sendSigned, signedHeaders, type TestSigner } from '../../support/signed-sender.js';
import { QUIET_SETTINGS } from '../../support/server-settings.js';
import { ORG } from '../../support/server-surroundings.js';
import { useServer } from '../../support/use-server.js';

const server = useServer(QUIET_SETTINGS);

const start = (key: string | undefined, change: object = {}, signer: Partial<TestSigner> = {}) =>
  sendSigned(
    server.url(''),
    { user: 'alice', key: server.userKey, ...signer },
    {
      method: 'POST',
      path: `/organizations/${ORG}/pushy/jobs`,
      body: JSON.stringify({ command: 'chef-client', nodes: ['offline'], ...change }),
      headers: {
        'Content-Type': 'application/json',
        ...(key === undefined ? {} : { 'Idempotency-Key': key }),
      },
    },
  );

const jobCount = async (): Promise<unknown> =>
  (await server.database.sql('SELECT count(*)::int AS count FROM jobs'))[0]?.count;

describe('a request with an Idempotency-Key', () => {
  it('gets the first response again when it is repeated, and starts nothing', async () => {
    const first = await start('again');
    const before = await jobCount();
    const second = await start('again');
    expect(second).toMatchObject({ status: 201, json: first.json });
    expect(second.headers.location).toBe(first.headers.location);
    expect(await jobCount()).toBe(before);
  });

  it('starts one job when it is sent ten times at once', async () => {
    const before = (await jobCount()) as number;
    const responses = await Promise.all(Array.from({ length: 10 }, () => start('at-once')));
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(responses.map(({ text }) => text)).size).toBe(1);
    expect(await jobCount()).toBe(before + 1);
  });

  it('gets 422 when it is repeated with another body, and starts nothing', async () => {
    const first = await start('other-body');
    const before = await jobCount();
    const id = (first.json as { uri: string }).uri.slice(-32);
    expect(await start('other-body', { command: 'uptime' })).toMatchObject({
      status: 422,
      json: { error: `this Idempotency-Key came before with another body, and started the job ${id}` },
    });
    expect(await jobCount()).toBe(before);
  });

  it('gets the first response again after a restart', async () => {
    const first = await start('restart');
    await server.restart();
    expect((await start('restart')).json).toEqual(first.json);
  });

  it('does not affect another user with the same key', async () => {
    const pem = await makePrivateKey();
    await server.chef.createUser('bob', { orgs: [ORG], admin: true, privateKey: pem });
    const mine = await start('shared');
    const other = await start('shared', {}, { user: 'bob', key: createPrivateKey(pem) });
    expect(other.status).toBe(201);
    expect(other.json).not.toEqual(mine.json);
  });

  it('starts nothing when it gets 5xx, and one job when it is repeated', async () => {
    const before = (await jobCount()) as number;
    await server.database.whileUnreachable(async () => {
      const { status, headers } = await start('outage');
      expect(status).toBe(503);
      expect(headers['retry-after']).toBe('5');
    });
    const response = await eventually(async () => {
      const again = await start('outage');
      return again.status === 201 ? again : undefined;
    });
    expect((await start('outage')).json).toEqual(response.json);
    expect(await jobCount()).toBe(before + 1);
  });

  it('starts another job if the first one was stored but never started', async () => {
    const first = await start('given-up');
    const id = (first.json as { uri: string }).uri.slice(-32);
    await server.jobBecomes(id, 'quorum_failed');
    // The server marks a job so (`crashed`) if it was stored although its POST got 503.
    await server.database.sql('UPDATE jobs SET status = 7 WHERE id = $1', [id]);
    const second = await start('given-up');
    expect(second.status).toBe(201);
    expect(second.json).not.toEqual(first.json);
    expect((await start('given-up')).json).toEqual(second.json);
  });

  it.each(['two words', 'x'.repeat(256), 'schl\u00fcssel'])('%s is rejected', async (key) => {
    expect(await start(key)).toMatchObject({
      status: 400,
      json: { error: 'Idempotency-Key must be 1 to 255 visible characters of ASCII' },
    });
  });
});

describe('a request without an Idempotency-Key', () => {
  it('starts a job each time', async () => {
    expect((await start(undefined)).json).not.toEqual((await start(undefined)).json);
  });
});

/** An attacker who has captured a request sends the same bytes again. */
describe('a replayed signed request', () => {
  const [signer, earlier] = [{ nowMs: Date.now() }, { nowMs: Date.now() - 60_000 }];

  it('is rejected after the next second, also with a new Idempotency-Key, but accepted with its own', async () => {
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
      expect.objectContaining({
        action: 'job_start',
        outcome: 'replayed',
        user: 'alice',
        nodes: ['offline'],
      }),
    );
  });
});

describe('a captured request that is sent very often', () => {
  const path = `/organizations/${ORG}/pushy/jobs`;

  /** Signs requests of the last minutes until a signature begins with a zero byte: one in 256 does. */
  const requestWithLeadingZero = (): { headers: Record<string, string>; body: string; signature: Buffer } => {
    for (let attempt = 0; attempt < 100_000; attempt++) {
      const body = JSON.stringify({ command: `attempt${attempt}`, nodes: ['offline'] });
      const signer = { user: 'alice', key: server.userKey, version: '1.1' } as const;
      const headers = signedHeaders(signer, { method: 'POST', path, body });
      const signature = Buffer.from(signatureLines(headers).join(''), 'base64');
      if (signature[0] === 0) return { headers, body, signature };
    }
    throw new Error('no signature begins with a zero byte');
  };

  const signatureLines = (headers: Record<string, string>): string[] =>
    Object.keys(headers)
      .filter((name) => name.startsWith('X-Ops-Authorization-'))
      .map((name) => headers[name] ?? '');

  it('starts at most ten jobs, even if a leading zero byte of its signature is left out', async () => {
    const { headers, body, signature } = requestWithLeadingZero();
    const before = (await jobCount()) as number;
    const send = (signed: Record<string, string>) =>
      sendHttp(server.url(''), {
        method: 'POST',
        path,
        body,
        headers: { ...signed, 'Content-Type': 'application/json' },
      });
    const statuses = (await Promise.all(Array.from({ length: 40 }, () => send(headers)))).map(
      ({ status }) => status,
    );
    expect(statuses.filter((status) => status === 201)).toHaveLength(10);
    expect(new Set(statuses)).toEqual(new Set([201, 401]));

    const lines =
      signature
        .subarray(1)
        .toString('base64')
        .match(/.{1,60}/g) ?? [];
    const shortened = Object.fromEntries(
      lines.map((line, index) => [`X-Ops-Authorization-${index + 1}`, line]),
    );
    const others = Object.entries(headers).filter(([name]) => !name.startsWith('X-Ops-Authorization-'));
    expect(await send({ ...Object.fromEntries(others), ...shortened })).toMatchObject({
      status: 401,
      json: { error: ['this request was served already; sign a new one'] },
    });
    expect(await jobCount()).toBe(before + 10);
  });
});

describe('a dry run', () => {
  it('lists the nodes that would take part, stores nothing and sends nothing', async () => {
    const [free, busy] = [await server.availableNode('free1'), await server.availableNode('busy1')];
    const id = await server.startJob({ nodes: ['busy1'] });
    await busy.expectCommand('commit');
    await busy.sendJobMessage('ack_commit', id);
    await busy.expectCommand('run');
    const before = await jobCount();
    const response = await start(undefined, {
      nodes: ['free1', 'busy1', 'offline'],
      quorum: 2,
      dry_run: true,
    });
    expect(response).toMatchObject({ status: 200 });
    expect(response.json).toEqual({
      dry_run: true,
      quorum: 2,
      quorum_reached: false,
      nodes: {
        available: ['free1'],
        unavailable: [
          { node_name: 'busy1', reason: 'busy' },
          { node_name: 'offline', reason: 'never_seen' },
        ],
      },
    });
    expect(await jobCount()).toBe(before);
    expect(free.commands.filter(({ type }) => type === 'commit')).toEqual([]);
  });

  it('is validated like a job and needs the right to start one', async () => {
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

  it('with the value false starts a job', async () => {
    expect((await start(undefined, { dry_run: false })).status).toBe(201);
  });
});

describe('the API client', () => {
  it('starts one job with repeated requests, and sends dry runs', async () => {
    const client = server.createApiClient();
    const request = { command: 'uptime', nodes: ['offline'] };
    const first = await client.startJob(request, { idempotencyKey: 'client-1' });
    expect(first.ok).toBe(true);
    expect(await client.startJob(request, { idempotencyKey: 'client-1' })).toEqual(first);
    expect(await client.dryRun(request)).toMatchObject({
      ok: true,
      value: { quorum_reached: false, nodes: { available: [] } },
    });
  });
});
