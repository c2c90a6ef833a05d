import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { signRequest } from '../../src/shared/protocol/chef-signature/sign-request.js';
import { eventually } from '../support/eventually.js';
import { endRun, startRun, voteYes } from '../support/play-job.js';
import { ServerProcess } from '../support/server-process.js';
import { ORG, ServerUnderTest } from '../support/server-under-test.js';
import type { SimulatedNode } from '../support/simulated-node.js';

const READERS = 100;
const SILENT = 1_000;
/** The server's memory may grow by so many kB for an idle reader. */
const MOST_KB_PER_READER = 100;

let running: ServerProcess;
let server: ServerUnderTest;
let web1: SimulatedNode;
const sockets: Socket[] = [];

beforeAll(async () => {
  server = await ServerUnderTest.start(
    { heartbeat_interval: 1_000 },
    async (config, secrets) => (running = await ServerProcess.start(config, secrets)),
  );
  web1 = await server.availableNode('web1');
});
afterAll(() => server.close());
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

const open = async (port: number): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  return socket;
};

const memoryKb = (): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${running.pid}/status`, 'utf8'))?.[1]);

/** A whole job on web1; how long it took, in milliseconds. */
const runJob = async (): Promise<number> => {
  const began = performance.now();
  const id = await server.startJob({ nodes: ['web1'] });
  await voteYes(web1, id);
  await startRun(web1, id);
  await endRun(web1, id);
  expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
  return performance.now() - began;
};

/** Opens the organization's feed on a connection of its own; what came on it so far. */
const readFeed = async (reads = true): Promise<{ text: string; ended: boolean }> => {
  const path = `/organizations/${ORG}/pushy/job_status_feed`;
  const signer = { userId: 'alice', key: server.userKey };
  const signed = signRequest(signer, { method: 'GET', path, body: Buffer.alloc(0) }, Date.now());
  const headers = { Host: '127.0.0.1', Accept: 'text/event-stream', ...signed };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = await open(server.config.api_port);
  const reading = { text: '', ended: false };
  socket.on('close', () => (reading.ended = true));
  if (reads) socket.on('data', (bytes: Buffer) => (reading.text += bytes.toString()));
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  return reading;
};

describe('a server with very many connections', () => {
  it('lets a node connect and run a job behind many that never shake hands', async () => {
    await Promise.all(Array.from({ length: SILENT }, () => open(server.config.command_port)));
    const web2 = await server.availableNode('web2');
    await runJob();
    web2.close();
  });

  it('goes on with many idle readers and some that never read, tells all, and ends all when it stops', async () => {
    const before = memoryKb();
    const readings = await Promise.all(Array.from({ length: READERS }, () => readFeed()));
    await Promise.all(Array.from({ length: 10 }, () => readFeed(false)));
    await eventually(() => readings.every(({ text }) => text.startsWith('HTTP/1.1 200')));
    expect(await runJob()).toBeLessThan(5_000);
    await eventually(() => readings.every(({ text }) => text.includes('event: job_complete')));
    expect(memoryKb() - before).toBeLessThan((READERS + 10) * MOST_KB_PER_READER);
    await running.stop();
    await eventually(() => readings.every(({ ended }) => ended));
    expect(running.loggedErrors).toEqual([]);
    await server.boot();
  });
});

describe('a server that may not open more files', () => {
  it('says so once, goes on with the nodes that it has, and recovers', async () => {
    let scarce: ServerProcess | undefined;
    const limited = await ServerUnderTest.start({ heartbeat_interval: 1_000 }, async (config, secrets) => {
      scarce = await ServerProcess.start(config, secrets, 1_000);
      return scarce;
    });
    const web3 = await limited.availableNode('web3');
    await Promise.all(Array.from({ length: 1_200 }, () => open(limited.config.api_port)));
    const told = (msg: string): number => scarce?.logged.filter((line) => line.msg.includes(msg)).length ?? 0;
    await eventually(() => told('nearly all files') === 1);
    await web3.expectServerHeartbeats(web3.serverHeartbeats.length + 2);
    for (const socket of sockets) socket.destroy();
    await eventually(() => told('room for connections again') === 1);
    await limited.nodeBecomes('web3', 'available');
    expect(told('nearly all files')).toBe(1);
    await limited.close();
  });
});
