import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { sendBytes, sendHttp } from '../../support/http-request.js';
import { ORG, ServerUnderTest } from '../../support/server-under-test.js';

/**
 * Milliseconds: on a slow machine a node must not get `abort` twice where a test waits for the next command. Heartbeats
 * are rare for the same reason: those of a simulated node say that it is idle, whatever it does.
 */
const LONG = 60_000;

let server: ServerUnderTest;

/** A double of Graphite's Carbon: it keeps what it gets. */
class Graphite {
  received = '';
  private readonly server = createServer((socket) =>
    socket.setEncoding('utf8').on('data', (text: string) => (this.received += text)),
  );

  async start(): Promise<number> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const graphite = new Graphite();

beforeAll(async () => {
  server = await ServerUnderTest.start({
    rehab_timer: LONG,
    heartbeat_interval: 800,
    enable_graphite: true,
    graphite_host: '127.0.0.1',
    graphite_port: await graphite.start(),
  });
});
afterAll(async () => {
  await server.close();
  await graphite.stop();
});

const health = () => sendHttp(server.url(''), { path: '/pushy/_health' });

/** All samples, by name and labels as they are written. */
const metrics = async (): Promise<Map<string, number>> => {
  const answer = await sendBytes(
    server.url(''),
    'GET /pushy/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  );
  const samples = answer.matchAll(/^(\w+(?:\{[^}]*\})?) ([\d.e+-]+)$/gm);
  return new Map(Array.from(samples, ([, name, value]) => [name!, Number(value)]));
};

describe('the health of the server', () => {
  it('is ready while all that it needs is there', async () => {
    expect(await health()).toMatchObject({ status: 200, json: { live: true, ready: true, reasons: [] } });
  });

  it('is not ready while the Chef Server gives no usable answer, and says so', async () => {
    const heal = server.chef.faults.add({ close: true });
    expect((await server.get('jobs')).status).toBe(502);
    expect(await health()).toMatchObject({
      status: 503,
      json: { live: true, ready: false, reasons: ['Chef Server: no connection'] },
    });
    heal();
    expect((await server.get('jobs')).status).toBe(200);
    expect((await health()).status).toBe(200);
  });

  it('is not ready while the Chef Server shows no groups, though it says who is who', async () => {
    const heal = server.chef.faults.add({ on: /groups/, status: 500 });
    expect((await server.get('jobs')).status).toBe(403);
    await server.as('nobody').send({ method: 'GET', url: server.url(`/organizations/${ORG}/pushy/jobs`) });
    expect(await health()).toMatchObject({
      status: 503,
      json: { live: true, ready: false, reasons: ['Chef Server: answer with status 500'] },
    });
    expect(server.log).toContainEqual(
      expect.objectContaining({ scope: 'auth', question: 'group', reason: 'answer with status 500' }),
    );
    expect(
      (await metrics()).get(
        'push_jobs_chef_server_request_duration_seconds_count{question="group",outcome="server_error"}',
      ),
    ).toBeGreaterThan(0);
    heal();
    expect((await server.get('jobs')).status).toBe(200);
    expect((await health()).status).toBe(200);
  });

  it('is not ready while the database is away, and says so', async () => {
    const { database_name: name } = server.config.database as { database_name: string };
    const admin = new pg.Client({ connectionString: process.env.PUSH_JOBS_TEST_POSTGRES });
    await admin.connect();
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
    await eventually(async () => {
      expect(await health()).toMatchObject({ status: 503, json: { reasons: ['database: no answer'] } });
      return true;
    });
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await admin.end();
    await eventually(async () => (await health()).status === 200);
  });
});

describe('the metrics', () => {
  it('reach Graphite by themselves, with labels as steps of the path and without buckets', async () => {
    await eventually(() => graphite.received.endsWith('\n'));
    const lines = graphite.received.trimEnd().split('\n');
    for (const line of lines) expect(line).toMatch(/^opscode-pushy-server(\.[\w-]+){2,} [\d.e+-]+ \d{10}$/);
    expect(lines).toContainEqual(
      expect.stringMatching(/^opscode-pushy-server\.[\w-]+\.push_jobs_nodes\.available 0 \d{10}$/),
    );
    expect(graphite.received).not.toContain('_bucket');
  });

  it('count nodes by state, jobs by outcome, messages and requests', async () => {
    await server.availableNode('web1');
    const id = await server.startJob({ nodes: ['away'] });
    await server.jobBecomes(id, 'quorum_failed');
    await eventually(async () => {
      const samples = await metrics();
      expect(samples.get('push_jobs_nodes{state="available"}')).toBe(1);
      expect(samples.get('push_jobs_nodes{state="offline"}')).toBe(0);
      expect(samples.get('push_jobs_jobs_ended_total{outcome="quorum_failed"}')).toBe(1);
      expect(samples.get('push_jobs_messages_received_total')).toBeGreaterThan(0);
      expect(samples.get('push_jobs_write_queue_writes')).toBe(0);
      return true;
    });
    const samples = await metrics();
    const posts =
      'push_jobs_http_request_duration_seconds_count{method="POST",route="/organizations/:org/pushy/jobs",status="201"}';
    expect(samples.get(posts)).toBe(1);
    expect(samples.has('push_jobs_heartbeat_lag_seconds')).toBe(true);
    expect(
      samples.get(
        'push_jobs_chef_server_request_duration_seconds_count{question="principals",outcome="answered"}',
      ),
    ).toBeGreaterThan(0);
  });

  it('count what is refused by its reason, and never name a path or a person', async () => {
    await sendHttp(server.url(''), { path: '/organizations/acme/pushy/jobs' });
    await sendHttp(server.url(''), { path: '/a-path-of-mine' });
    await sendHttp(server.url(''), { method: 'PROPFIND', path: '/pushy/_status' });
    const samples = await metrics();
    expect(samples.get('push_jobs_refused_requests_total{reason="missing_headers"}')).toBe(1);
    expect([...samples.keys()].join()).not.toMatch(/a-path-of-mine|alice|web1|acme|PROPFIND/);
  });

  it('count what nodes send that is dropped, by reason', async () => {
    const node = await server.availableNode('web2');
    node.sessionKey = Buffer.alloc(32);
    await node.sendHeartbeat();
    await eventually(async () => {
      const samples = await metrics();
      return (samples.get('push_jobs_messages_dropped_total{reason="bad_signature"}') ?? 0) > 0;
    });
  });
});

describe('the status', () => {
  it('names no jobs where the settings say so', async () => {
    await server.availableNode('web3');
    const id = await server.startJob({ nodes: ['web3'] });
    const jobs = async (): Promise<unknown> =>
      ((await sendHttp(server.url(''), { path: '/pushy/_status' })).json as { job_processes: unknown })
        .job_processes;
    expect(await jobs()).toEqual([id]);
    await server.halt();
    Object.assign(server.config, { status_hides_job_ids: true });
    await server.boot();
    expect(await jobs()).toEqual([]);
  });
});
