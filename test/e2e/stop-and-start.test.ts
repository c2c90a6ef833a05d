import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.js';
import { FeedReader } from '../support/feed-reader.js';
import { endRun, startRun, voteYes } from '../support/node-steps.js';
import { ServerProcess } from '../support/server-process.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { useServerProcess } from '../support/use-server.js';

const running = useServerProcess({ heartbeat_interval: 500, rehab_timer: 1_000 });
const { server } = running;
let web1: SimulatedNode;
let job: string;
const sockets: Socket[] = [];

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

describe('a server that gets TERM', () => {
  it('ends its feeds, closes unused connections, and logs no error', async () => {
    const feeds = [await FeedReader.open(server), await FeedReader.open(server, job)];
    await feeds[1]!.waitForLine('run_start web1');
    const unused = connect(server.config.api_port, '127.0.0.1');
    sockets.push(unused);
    await once(unused, 'connect');
    await running.process.stop();
    for (const feed of feeds) await feed.waitForEnd();
    expect(feeds[1]!.text.endsWith('\n\n')).toBe(true);
    expect(running.process.loggedErrors).toEqual([]);
    expect(running.process.stderr).toBe('');
    await server.startServer();
  });

  it('exits with 0 after several signals', async () => {
    for (const signal of ['SIGTERM', 'SIGTERM', 'SIGINT'] as const) running.process.signal(signal);
    expect(await running.process.exit).toBe(0);
    await server.startServer();
  });
});

describe('a second server', () => {
  it('on the same ports names the port in use and ends; the first server and its jobs continue', async () => {
    const second = ServerProcess.spawn(server.config, server.secrets);
    expect(await second.exit).toBe(1);
    expect(second.stderr).toContain(String(server.config.command_port));
    expect(second.stderr).toContain('in use by another program');
    expect(second.stderr.trim().split('\n')).toHaveLength(1);
    expect(web1.commands.at(-1)?.type).toBe('run');
  });

  it('on the same REST port only does the same', async () => {
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
