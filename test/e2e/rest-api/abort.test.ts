import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PushJobsClient } from '../../../src/shared/api-client/push-jobs-client.js';
import { ORG, ServerUnderTest } from '../../support/server-under-test.js';
import type { SimulatedNode } from '../../support/simulated-node.js';
import { sendSigned } from '../../support/signed-sender.js';

/**
 * Milliseconds: on a slow machine a node must not get `abort` twice where a test waits for the next command. Heartbeats
 * are rare for the same reason: those of a simulated node say that it is idle, whatever it does.
 */
const LONG = 60_000;

let server: ServerUnderTest;
let web1: SimulatedNode;
let client: PushJobsClient;

/** Aborts with nothing but a path: no body, no Content-Type. */
const abort = (id: string, user = 'alice') =>
  sendSigned(
    server.url(''),
    { user, key: server.userKey },
    { method: 'POST', path: `/organizations/${ORG}/pushy/jobs/${id}/abort` },
  );

const statusInDatabase = async (id: string): Promise<unknown> =>
  (
    await server.database.sql(
      'SELECT s.description FROM jobs j JOIN job_status s ON s.id = j.status WHERE j.id = $1',
      [id],
    )
  )[0]?.description;

/** A node that was called off says so, and can take the next job. */
const recover = async (node: SimulatedNode): Promise<void> => {
  await node.expectCommand('abort');
  await node.sendJobMessage('aborted', null);
  await server.nodeBecomes('web1', 'available');
};

beforeAll(async () => {
  server = await ServerUnderTest.start({ rehab_timer: LONG, heartbeat_interval: 2_000 });
  web1 = await server.availableNode('web1');
  client = new PushJobsClient({
    serverUrl: server.url(`/organizations/${ORG}`),
    user: 'alice',
    key: server.userKey,
  });
});
afterAll(async () => {
  await client.close();
  await server.close();
});

describe('a job that is called off', () => {
  it('while its nodes vote, is aborted and stored when the answer comes', async () => {
    const id = await server.startJob({ nodes: ['web1', 'away'] });
    await web1.expectCommand('commit');
    const answer = await abort(id);
    expect(answer).toMatchObject({
      status: 200,
      json: { id, status: 'aborted', nodes: { aborted: ['web1'], unavailable: ['away'] } },
    });
    expect(await statusInDatabase(id)).toBe('aborted');
    await recover(web1);
  });

  it('while a node runs, is aborted on the node too, and its feed says so', async () => {
    const id = await server.startJob({ nodes: ['web1'] });
    await web1.expectCommand('commit');
    await web1.sendJobMessage('ack_commit', id);
    await web1.expectCommand('run');
    await web1.sendJobMessage('ack_run', id);
    await server.jobBecomes(id, 'running');
    const events: string[] = [];
    const following = (async () => {
      for await (const { name, data } of client.jobFeed(id)) {
        events.push('status' in data ? `${name} ${data.status}` : name);
      }
    })();
    const aborted = await client.abortJob(id);
    if (!aborted.ok) throw aborted.error;
    expect(aborted.value).toMatchObject({ id, status: 'aborted' });
    await recover(web1);
    await following;
    expect(events.at(-1)).toBe('job_complete aborted');
    expect(await server.job(id)).toMatchObject({ status: 'aborted', nodes: { aborted: ['web1'] } });
  });

  it('stays aborted, whatever its nodes say later', async () => {
    const id = await server.startJob({ nodes: ['web1'] });
    await web1.expectCommand('commit');
    await abort(id);
    await web1.sendJobMessage('succeeded', id);
    await recover(web1);
    expect(await server.job(id)).toMatchObject({ status: 'aborted', nodes: { aborted: ['web1'] } });
  });
});

describe('an abort', () => {
  it('of a job that has ended is 409, and changes nothing', async () => {
    const id = await server.startJob({ nodes: ['away'] });
    await server.jobBecomes(id, 'quorum_failed');
    const error = `job ${id} has already ended: quorum_failed`;
    expect(await abort(id)).toMatchObject({ status: 409, json: { error } });
    await server.halt();
    await server.boot(); // so that it is not in memory any more
    expect(await abort(id)).toMatchObject({ status: 409, json: { error } });
    expect(await client.abortJob(id)).toMatchObject({
      ok: false,
      error: { code: 'conflict', serverText: error },
    });
    expect((await server.job(id)).status).toBe('quorum_failed');
  });

  it('of a job that is stored and not begun yet is 503, and not said to have ended', async () => {
    const id = 'e'.repeat(32);
    await server.database.sql(
      `INSERT INTO jobs (id, org_id, status)
       SELECT $1, org_id, (SELECT id FROM job_status WHERE description = 'voting') FROM jobs LIMIT 1`,
      [id],
    );
    const answer = await abort(id);
    await server.database.sql('DELETE FROM jobs WHERE id = $1', [id]);
    expect(answer).toMatchObject({
      status: 503,
      json: { error: [`job ${id} is being started; try again in a moment`] },
    });
    expect(answer.headers['retry-after']).toBe('1');
  });

  it('of a job that is unknown is 404', async () => {
    expect((await abort('f'.repeat(32))).status).toBe(404);
    expect((await abort('nonsense')).status).toBe(404);
  });

  it('by somebody who may not write is 403, and the job goes on', async () => {
    const privateKey = server.userKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    await server.chef.createUser('bob', { orgs: [ORG], privateKey });
    await server.availableNode('web2');
    const id = await server.startJob({ nodes: ['web2'] });
    expect((await abort(id, 'bob')).status).toBe(403);
    expect((await server.job(id)).status).toBe('voting');
  });

  it('whose end cannot be stored is 503, and the end is made up for', async () => {
    const node = await server.availableNode('web3');
    const id = await server.startJob({ nodes: ['web3'] });
    await node.expectCommand('commit');
    await server.database.sql('ALTER TABLE jobs RENAME TO jobs_away');
    const answer = abort(id);
    expect((await answer).status).toBe(503);
    await server.database.sql('ALTER TABLE jobs_away RENAME TO jobs');
    await server.jobBecomes(id, 'aborted');
  });
});
