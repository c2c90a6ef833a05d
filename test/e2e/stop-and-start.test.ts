import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.js';
import { FeedReading } from '../support/feed-reading.js';
import { endRun, startRun, voteYes } from '../support/play-job.js';
import { ServerProcess } from '../support/server-process.js';
import { ServerUnderTest } from '../support/server-under-test.js';
import type { SimulatedNode } from '../support/simulated-node.js';

let running: ServerProcess;
let server: ServerUnderTest;
let web1: SimulatedNode;
let job: string;
const sockets: Socket[] = [];

beforeAll(async () => {
  server = await ServerUnderTest.start(
    { heartbeat_interval: 500, rehab_timer: 1_000 },
    async (config, secrets) => (running = await ServerProcess.start(config, secrets)),
  );
});
afterAll(() => server.close());

beforeEach(async () => {
  web1 = await server.availableNode('web1');
  job = await server.startJob({ nodes: ['web1'] });
  await voteYes(web1, job);
  await startRun(web1, job);
});
afterEach(async () => {
  await endRun(web1, job);
  expect((await server.jobBecomes(job, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
  web1.close();
  for (const socket of sockets.splice(0)) socket.destroy();
});

describe('a server that is told to stop', () => {
  it('ends its feeds, waits for nobody, and complains of nothing', async () => {
    const feeds = [await FeedReading.open(server), await FeedReading.open(server, job)];
    await feeds[1]!.until('run_start web1');
    const unused = connect(server.config.api_port, '127.0.0.1');
    sockets.push(unused);
    await once(unused, 'connect');
    const began = performance.now();
    await running.stop();
    expect(performance.now() - began).toBeLessThan(10_000);
    for (const feed of feeds) await feed.end();
    expect(feeds[1]!.text.endsWith('\n\n')).toBe(true);
    expect(running.loggedErrors).toEqual([]);
    expect(running.stderr).toBe('');
    await server.boot();
  });

  it('stops once, however often it is told', async () => {
    running.signal('SIGTERM');
    running.signal('SIGTERM');
    running.signal('SIGINT');
    expect(await running.exit).toBe(0);
    await server.boot();
  });
});

describe('a second server on the same ports', () => {
  it('says which port is taken, ends, and leaves the first and its jobs alone', async () => {
    const second = ServerProcess.spawn(server.config, server.secrets);
    expect(await second.exit).toBe(1);
    expect(second.stderr).toContain(String(server.config.command_port));
    expect(second.stderr).toContain('in use by another program');
    expect(second.stderr.trim().split('\n')).toHaveLength(1);
    expect(web1.commands.at(-1)?.type).toBe('run');
  });

  it('that shares the port of the REST API alone does so too', async () => {
    const config = {
      ...server.config,
      command_port: await freePort(),
      server_heartbeat_port: await freePort(),
    };
    const second = ServerProcess.spawn(config, server.secrets);
    expect(await second.exit).toBe(1);
    expect(second.stderr).toContain(`${server.config.api_port}`);
    expect(web1.commands.at(-1)?.type).toBe('run');
  });
});
