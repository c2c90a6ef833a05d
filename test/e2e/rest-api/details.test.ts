import { beforeAll, describe, expect, it } from 'vitest';
import { PushJobsClient } from '../../../src/shared/api-client/push-jobs-client.js';
import type { NodeDetail } from '../../../src/shared/protocol/rest-schemas.js';
import { formatRfc1123 } from '../../../src/shared/protocol/wire-time.js';
import { eventually } from '../../support/eventually.js';
import { QUIET_SETTINGS } from '../../support/server-settings.js';
import { useServer } from '../../support/use-server.js';

const ISO = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/) as string;

const server = useServer({ ...QUIET_SETTINGS, heartbeat_interval: 800 });
let client: PushJobsClient;
beforeAll(() => void (client = server.createApiClient()));

const nodeDetail = async (name: string): Promise<NodeDetail> =>
  (await server.get<NodeDetail>(`node_states/${name}?details=true`)).body;

describe('the details of a job', () => {
  it('contain times, exit codes and reasons of all nodes', async () => {
    const [web1, web2] = [await server.availableNode('web1'), await server.availableNode('web2')];
    const id = await server.startJob({ nodes: ['web1', 'web2', 'nosuch'], quorum: 1 });
    await web1.expectCommand('commit');
    await web2.expectCommand('commit');
    await web2.sendJobMessage('nack_commit', id, { reason: 'not whitelisted' });
    await web1.sendJobMessage('ack_commit', id);
    await web1.expectCommand('run');
    await web1.sendJobMessage('ack_run', id);
    await web1.sendJobMessage('failed', id, { exit_code: 3, duration_ms: 1200 });
    const job = await server.jobBecomes(id, 'complete');
    expect(job).not.toHaveProperty('details');
    const detailed = await client.getJob(id, { details: true });
    expect(detailed).toMatchObject({ ok: true, value: job });
    expect(detailed).toHaveProperty('value.details', {
      created_by: 'alice',
      quorum: 1,
      nodes: [
        { node_name: 'nosuch', status: 'unavailable', updated_at: ISO, reason: 'never_seen' },
        {
          node_name: 'web1',
          status: 'failed',
          ready_at: ISO,
          running_at: ISO,
          updated_at: ISO,
          exit_code: 3,
          duration_ms: 1200,
        },
        { node_name: 'web2', status: 'nacked', updated_at: ISO, reason: 'not whitelisted' },
      ],
    });
  });

  it('are available while the job runs', async () => {
    const node = await server.availableNode('web3');
    const id = await server.startJob({ nodes: ['web3'] });
    await node.expectCommand('commit');
    await node.sendJobMessage('ack_commit', id);
    await node.expectCommand('run');
    const { body } = await server.get(`jobs/${id}?details=true`);
    expect(body).toMatchObject({
      status: 'running',
      nodes: { ready: ['web3'] },
      details: { nodes: [{ node_name: 'web3', status: 'ready', ready_at: ISO }] },
    });
  });
});

describe('the details of a node', () => {
  it('contain last_seen and client_version of an available node', async () => {
    const node = await server.availableNode('fine1');
    await eventually(async () => {
      await node.send({ type: 'heartbeat', job_state: 'idle', job_id: null, client_version: '9.8.7' });
      expect(await nodeDetail('fine1')).toEqual({
        node_name: 'fine1',
        status: 'online',
        availability: 'available',
        last_seen: ISO,
        client_version: '9.8.7',
      });
      return true;
    });
  });

  it('contain the reason never_seen for an unknown node', async () => {
    expect(await nodeDetail('nosuch')).toEqual({
      node_name: 'nosuch',
      status: 'offline',
      availability: 'unavailable',
      reason: 'never_seen',
    });
  });

  it('contain the rehab_reason of a node in rehab', async () => {
    const node = await server.connect(await server.createIdentity('rehab1'));
    await node.startHeartbeats(server.config.heartbeat_interval / 2);
    await node.expectCommand('abort');
    expect(await nodeDetail('rehab1')).toMatchObject({
      status: 'online',
      availability: 'unavailable',
      reason: 'rehab',
      rehab_reason: 'first contact',
    });
  });

  it('contain last_seen of a silent node', async () => {
    const node = await server.availableNode('silent1');
    node.close();
    await eventually(async () => (await nodeDetail('silent1')).reason === 'silent');
    expect(await nodeDetail('silent1')).toMatchObject({ status: 'offline', last_seen: ISO });
  });

  it('contain the reason clock_skew for a node with a wrong clock', async () => {
    const node = await server.connect(await server.createIdentity('skewed1'));
    const timestamp = formatRfc1123(Date.now() - 3_600_000);
    await node.send({ type: 'heartbeat', job_state: 'idle', job_id: null, timestamp });
    await eventually(async () => (await nodeDetail('skewed1')).reason === 'clock_skew');
    expect(await nodeDetail('skewed1')).toEqual({
      node_name: 'skewed1',
      status: 'offline',
      availability: 'unavailable',
      reason: 'clock_skew',
      dropped: { count: 1, reason: 'clock_skew', at: ISO },
    });
  });

  it('contain the reason bad_signature for a node that signs with another key', async () => {
    const node = await server.availableNode('signing1');
    node.sessionKey = Buffer.alloc(32);
    await eventually(async () => (await nodeDetail('signing1')).reason === 'bad_signature');
    expect(await nodeDetail('signing1')).toMatchObject({
      status: 'offline',
      last_seen: ISO,
      dropped: { reason: 'bad_signature', at: ISO },
    });
  });

  it('contain the reason not_seen_since_restart for a node that has not returned after a restart', async () => {
    await server.availableNode('before1');
    await server.restart();
    const detail = await nodeDetail('silent1');
    expect(detail.reason).toBe('not_seen_since_restart');
  });

  it('are listed for online and offline nodes', async () => {
    await server.availableNode('listed1');
    (await server.availableNode('listed2')).close();
    await eventually(async () => (await nodeDetail('listed2')).status === 'offline');
    const listed = await client.listNodeDetails();
    if (!listed.ok) throw listed.error;
    const byName = new Map(listed.value.map((node) => [node.node_name, node.status]));
    expect(byName.get('listed1')).toBe('online');
    expect(byName.get('listed2')).toBe('offline');
    expect((await server.get<NodeDetail[]>('node_states')).body).not.toContainEqual(
      expect.objectContaining({ node_name: 'listed2' }),
    );
  });
});
