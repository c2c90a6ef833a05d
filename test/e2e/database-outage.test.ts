import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/shared/platform/logger.js';
import { startServer } from '../../src/server/start-server.js';
import { eventually } from '../support/eventually.js';
import { FeedReader } from '../support/feed-reader.js';
import { endRun, startRun, voteYes } from '../support/node-steps.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { useServer } from '../support/use-server.js';

let network: TcpProxy;
let web1: SimulatedNode;
let web2: SimulatedNode;

afterAll(() => network.close()); // registered first, so it runs after the server is closed
const server = useServer({ rehab_timer: 1_000 }, async (config, secrets) => {
  if (!('host' in config.database)) throw new Error('the tests run on PostgreSQL');
  network = await startTcpProxy(config.database.host, config.database.port);
  const database = { ...config.database, port: network.port };
  return startServer({ ...config, database }, secrets, createLogger({ level: 'fatal' }));
});
beforeAll(async () => {
  [web1, web2] = await Promise.all([server.availableNode('web1'), server.availableNode('web2')]);
});
afterAll(() => network.heal());

describe('during a database outage', () => {
  it('a running job continues, new jobs get 503, and everything acknowledged is stored afterwards', async () => {
    const id = await server.startJob({ nodes: ['web1'], capture_output: true });
    await voteYes(web1, id);
    await startRun(web1, id);
    const feed = await FeedReader.open(server, id);
    await feed.waitForLine('run_start web1');

    network.cut();
    const commands = web2.commands.length;
    const request = { command: 'x', nodes: ['web2'] };
    const { status, body: rejection, response } = await server.post<{ error: string[] }>('jobs', request);
    expect({ status, rejection }).toEqual({ status: 503, rejection: { error: [expect.any(String)] } });
    expect(response.headers['retry-after']).toBe('5');
    expect(JSON.stringify(rejection)).not.toContain(String(network.port));
    expect((await server.get('jobs')).status).toBe(503);
    await web1.sendJobMessage('succeeded', id, { stdout: 'done' });
    web1.reportedState = { state: 'idle', jobId: null };
    await eventually(async () => (await server.job(id)).nodes.succeeded?.length === 1);
    expect((await server.job(id)).status).toBe('running'); // the job ends only when its end is stored
    expect(feed.lines).not.toContain('job_complete complete');

    network.heal();
    expect((await feed.waitForEnd()).slice(-2)).toEqual([
      'run_complete web1 success',
      'job_complete complete',
    ]);
    expect((await server.job(id)).status).toBe('complete');
    expect(await server.storedJobStatus(id)).toBe('complete');
    expect(await server.database.sql('SELECT stdout FROM job_output WHERE job_id = $1', [id])).toEqual([
      { stdout: 'done' },
    ]);
    expect(web2.commands.length).toBe(commands);
    const { body } = await server.get<{ id: string }[]>('jobs');
    expect(body.map((job) => job.id)).toEqual([id]);
  });

  it('no node gets `run` before the start of the job is stored', async () => {
    const id = await server.startJob({ nodes: ['web1', 'web2'] });
    await voteYes(web1, id);
    await web2.expectCommand('commit');
    network.cut();
    web2.reportedState = { state: 'committed', jobId: id };
    await web2.sendJobMessage('ack_commit', id);
    await eventually(async () => (await server.job(id)).nodes.ready?.length === 2);
    expect([web1.commands.at(-1)?.type, web2.commands.at(-1)?.type]).toEqual(['commit', 'commit']);
    network.heal();
    for (const node of [web1, web2]) {
      await startRun(node, id);
      await endRun(node, id);
    }
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1', 'web2'] });
  });

  it('a job that was stored while its POST got 503 never runs and becomes `crashed`', async () => {
    const commands = web2.commands.length;
    network.dropServerBytes();
    const posting = server.post('jobs', { command: 'never', nodes: ['web2'] });
    const [job] = await eventually(async () => {
      const rows = await server.database.sql("SELECT id FROM jobs WHERE command = 'never'");
      return rows.length === 1 ? rows : undefined;
    });
    network.cut();
    expect((await posting).status).toBe(503);
    network.heal();
    await eventually(async () => (await server.storedJobStatus(String(job!.id))) === 'crashed');
    expect(web2.commands.length).toBe(commands);
  });
});
