import { beforeAll, describe, expect, it } from 'vitest';
import { PushJobsClient } from '../../../src/shared/api-client/push-jobs-client.js';
import type { SimulatedNode } from '../../support/simulated-node.js';
import { sendSigned } from '../../support/signed-sender.js';
import { QUIET_SETTINGS } from '../../support/server-settings.js';
import { ORG } from '../../support/server-surroundings.js';
import { useServer } from '../../support/use-server.js';

const server = useServer(QUIET_SETTINGS);
let web1: SimulatedNode;
let client: PushJobsClient;

/** Aborts without body and Content-Type. */
const abort = (id: string, user = 'alice') =>
  sendSigned(
    server.url(''),
    { user, key: server.userKey },
    { method: 'POST', path: `/organizations/${ORG}/pushy/jobs/${id}/abort` },
  );

/** The node confirms the abort and is available again. */
const recover = async (node: SimulatedNode): Promise<void> => {
  await node.expectCommand('abort');
  await node.sendJobMessage('aborted', null);
  await server.nodeBecomes('web1', 'available');
};

beforeAll(async () => {
  web1 = await server.availableNode('web1');
  client = server.createApiClient();
});

describe('an aborted job', () => {
  it('that was voting is stored as aborted before the response', async () => {
    const id = await server.startJob({ nodes: ['web1', 'offline'] });
    await web1.expectCommand('commit');
    const response = await abort(id);
    expect(response).toMatchObject({
      status: 200,
      json: { id, status: 'aborted', nodes: { aborted: ['web1'], unavailable: ['offline'] } },
    });
    expect(await server.storedJobStatus(id)).toBe('aborted');
    await recover(web1);
  });

  it('that was running is aborted on the node, and its feed ends with job_complete aborted', async () => {
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

  it('stays aborted if a node reports a result later', async () => {
    const id = await server.startJob({ nodes: ['web1'] });
    await web1.expectCommand('commit');
    await abort(id);
    await web1.sendJobMessage('succeeded', id);
    await recover(web1);
    expect(await server.job(id)).toMatchObject({ status: 'aborted', nodes: { aborted: ['web1'] } });
  });
});

describe('an abort', () => {
  it('of an ended job gets 409 and changes nothing', async () => {
    const id = await server.startJob({ nodes: ['offline'] });
    await server.jobBecomes(id, 'quorum_failed');
    const error = `job ${id} has already ended: quorum_failed`;
    expect(await abort(id)).toMatchObject({ status: 409, json: { error } });
    await server.restart(); // removes the job from memory
    expect(await abort(id)).toMatchObject({ status: 409, json: { error } });
    expect(await client.abortJob(id)).toMatchObject({
      ok: false,
      error: { code: 'conflict', serverText: error },
    });
    expect((await server.job(id)).status).toBe('quorum_failed');
  });

  it('of a stored job that has not started yet gets 503', async () => {
    const id = 'e'.repeat(32);
    await server.database.sql(
      `INSERT INTO jobs (id, org_id, status)
       SELECT $1, org_id, (SELECT id FROM job_status WHERE description = 'voting') FROM jobs LIMIT 1`,
      [id],
    );
    const response = await abort(id);
    await server.database.sql('DELETE FROM jobs WHERE id = $1', [id]);
    expect(response).toMatchObject({
      status: 503,
      json: { error: [`job ${id} is being started; try again in a moment`] },
    });
    expect(response.headers['retry-after']).toBe('1');
  });

  it('of an unknown job gets 404', async () => {
    expect((await abort('f'.repeat(32))).status).toBe(404);
    expect((await abort('nonsense')).status).toBe(404);
  });

  it('without the right gets 403, and the job continues', async () => {
    await server.chef.createUser('bob', { orgs: [ORG], privateKey: server.userPem });
    await server.availableNode('web2');
    const id = await server.startJob({ nodes: ['web2'] });
    expect((await abort(id, 'bob')).status).toBe(403);
    expect((await server.job(id)).status).toBe('voting');
  });

  it('gets 503 if it cannot be stored, and is stored later', async () => {
    const node = await server.availableNode('web3');
    const id = await server.startJob({ nodes: ['web3'] });
    await node.expectCommand('commit');
    const { status } = await server.database.withoutTable('jobs', () => abort(id));
    expect(status).toBe(503);
    await server.jobBecomes(id, 'aborted');
  });
});
