import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/shared/platform/logger.js';
import { startServer } from '../../src/server/start-server.js';
import { eventually } from '../support/eventually.js';
import { FeedReading } from '../support/feed-reading.js';
import { endRun, startRun, voteYes } from '../support/play-job.js';
import { ServerUnderTest } from '../support/server-under-test.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

let network: TcpProxy;
let server: ServerUnderTest;
let web1: SimulatedNode;
let web2: SimulatedNode;
beforeAll(async () => {
  server = await ServerUnderTest.start({ rehab_timer: 1_000 }, async (config, secrets) => {
    if (!('host' in config.database)) throw new Error('the tests run on PostgreSQL');
    network = await startTcpProxy(config.database.host, config.database.port);
    const database = { ...config.database, port: network.port };
    return startServer({ ...config, database }, secrets, createLogger({ level: 'fatal' }));
  });
  [web1, web2] = await Promise.all([server.availableNode('web1'), server.availableNode('web2')]);
});
afterAll(async () => {
  network.heal();
  await server.close();
  await network.close();
});

const statusInDatabase = async (id: string): Promise<unknown> =>
  (
    await server.database.sql(
      'SELECT s.description FROM jobs j JOIN job_status s ON s.id = j.status WHERE j.id = $1',
      [id],
    )
  )[0]?.description;

describe('while the database is away', () => {
  it('a job that runs goes on, no job is started, and nothing that was acknowledged is missing after', async () => {
    const id = await server.startJob({ nodes: ['web1'], capture_output: true });
    await voteYes(web1, id);
    await startRun(web1, id);
    const feed = await FeedReading.open(server, id);
    await feed.until('run_start web1');

    network.cut();
    const commands = web2.commands.length;
    const answer = await server.post<{ error: string[] }>('jobs', { command: 'x', nodes: ['web2'] });
    expect(answer).toMatchObject({ status: 503, body: { error: [expect.any(String)] } });
    expect(answer.response.headers['retry-after']).toBe('5');
    expect(JSON.stringify(answer.body)).not.toContain(String(network.port));
    expect((await server.get('jobs')).status).toBe(503);
    await web1.sendJobMessage('succeeded', id, { stdout: 'done' });
    web1.doing = { state: 'idle', jobId: null };
    await eventually(async () => (await server.job(id)).nodes.succeeded?.length === 1);
    expect((await server.job(id)).status).toBe('running'); // its end is told when it is stored
    expect(feed.lines).not.toContain('job_complete complete');

    network.heal();
    expect((await feed.end()).slice(-2)).toEqual(['run_complete web1 success', 'job_complete complete']);
    expect((await server.job(id)).status).toBe('complete');
    expect(await statusInDatabase(id)).toBe('complete');
    expect(await server.database.sql('SELECT stdout FROM job_output WHERE job_id = $1', [id])).toEqual([
      { stdout: 'done' },
    ]);
    expect(web2.commands.length).toBe(commands);
    const { body } = await server.get<{ id: string }[]>('jobs');
    expect(body.map((job) => job.id)).toEqual([id]);
  });

  it('no node is told to run before it is stored that it may', async () => {
    const id = await server.startJob({ nodes: ['web1', 'web2'] });
    await voteYes(web1, id);
    await web2.expectCommand('commit');
    network.cut();
    web2.doing = { state: 'committed', jobId: id };
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

  it('a job whose start was stored but not answered never runs, and does not look alive for ever', async () => {
    const commands = web2.commands.length;
    network.swallowAnswers();
    const posting = server.post('jobs', { command: 'never', nodes: ['web2'] });
    const [job] = await eventually(async () => {
      const rows = await server.database.sql("SELECT id FROM jobs WHERE command = 'never'");
      return rows.length === 1 ? rows : undefined;
    });
    network.cut();
    expect((await posting).status).toBe(503);
    network.heal();
    await eventually(async () => (await statusInDatabase(String(job!.id))) === 'crashed');
    expect(web2.commands.length).toBe(commands);
  });
});
