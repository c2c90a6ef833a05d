import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { sendHttp } from '../../support/http-request.js';
import { freePort } from '../../support/free-port.js';
import { QUIET_SETTINGS } from '../../support/server-settings.js';
import { ORG } from '../../support/server-surroundings.js';
import { useServer } from '../../support/use-server.js';

/** A test double of Graphite's Carbon that records what it receives. */
class Graphite {
  received = '';
  private readonly server = createServer((socket) =>
    socket.setEncoding('utf8').on('data', (text: string) => (this.received += text)),
  );

  async start(port: number): Promise<void> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const graphite = new Graphite();
const graphitePort = await freePort();
beforeAll(() => graphite.start(graphitePort));
afterAll(() => graphite.stop());

const server = useServer({
  ...QUIET_SETTINGS,
  heartbeat_interval: 800,
  enable_graphite: true,
  graphite_host: '127.0.0.1',
  graphite_port: graphitePort,
});

const health = () => sendHttp(server.url(''), { path: '/pushy/_health' });

describe('the health of the server', () => {
  it('is ready while Chef Server and database respond', async () => {
    expect(await health()).toMatchObject({ status: 200, json: { live: true, ready: true, reasons: [] } });
  });

  it('is not ready while the Chef Server does not respond, and names the reason', async () => {
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

  it('is not ready while the Chef Server returns principals but no groups', async () => {
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
      (await server.metrics()).get(
        'push_jobs_chef_server_request_duration_seconds_count{question="group",outcome="server_error"}',
      ),
    ).toBeGreaterThan(0);
    heal();
    expect((await server.get('jobs')).status).toBe(200);
    expect((await health()).status).toBe(200);
  });

  it('is not ready while the database is unreachable, and names the reason', async () => {
    await server.database.whileUnreachable(async () => {
      await eventually(async () => {
        expect(await health()).toMatchObject({ status: 503, json: { reasons: ['database: no answer'] } });
        return true;
      });
    });
    await eventually(async () => (await health()).status === 200);
  });
});

describe('the metrics', () => {
  it('are sent to Graphite with labels as parts of the path and without buckets', async () => {
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
    const id = await server.startJob({ nodes: ['offline'] });
    await server.jobBecomes(id, 'quorum_failed');
    await eventually(async () => {
      const samples = await server.metrics();
      expect(samples.get('push_jobs_nodes{state="available"}')).toBe(1);
      expect(samples.get('push_jobs_nodes{state="offline"}')).toBe(0);
      expect(samples.get('push_jobs_jobs_ended_total{outcome="quorum_failed"}')).toBe(1);
      expect(samples.get('push_jobs_messages_received_total')).toBeGreaterThan(0);
      expect(samples.get('push_jobs_write_queue_writes')).toBe(0);
      return true;
    });
    const samples = await server.metrics();
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

  it('count rejected requests by reason, without paths and user names', async () => {
    await sendHttp(server.url(''), { path: '/organizations/acme/pushy/jobs' });
    await sendHttp(server.url(''), { path: '/a-path-of-mine' });
    await sendHttp(server.url(''), { method: 'PROPFIND', path: '/pushy/_status' });
    const samples = await server.metrics();
    expect(samples.get('push_jobs_refused_requests_total{reason="missing_headers"}')).toBe(1);
    expect([...samples.keys()].join()).not.toMatch(/a-path-of-mine|alice|web1|acme|PROPFIND/);
  });

  it('count dropped messages by reason', async () => {
    const node = await server.availableNode('web2');
    node.sessionKey = Buffer.alloc(32);
    await node.sendHeartbeat();
    await eventually(async () => {
      const samples = await server.metrics();
      return (samples.get('push_jobs_messages_dropped_total{reason="bad_signature"}') ?? 0) > 0;
    });
  });
});

describe('the status', () => {
  it('contains no job ids with status_hides_job_ids', async () => {
    await server.availableNode('web3');
    const id = await server.startJob({ nodes: ['web3'] });
    const jobs = async (): Promise<unknown> =>
      ((await sendHttp(server.url(''), { path: '/pushy/_status' })).json as { job_processes: unknown })
        .job_processes;
    expect(await jobs()).toEqual([id]);
    await server.restart({ status_hides_job_ids: true });
    expect(await jobs()).toEqual([]);
  });
});
