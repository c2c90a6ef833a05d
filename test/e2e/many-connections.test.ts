import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { signRequest } from '../../src/shared/protocol/chef-signature/sign-request.js';
import { eventually } from '../support/eventually.js';
import { endRun, startRun, voteYes } from '../support/node-steps.js';
import { ServerProcess } from '../support/server-process.js';
import { ServerUnderTest } from '../support/server-under-test.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { ORG } from '../support/server-surroundings.js';
import { useServerProcess } from '../support/use-server.js';

/** Readers of the organization's feed. */
const READERS = 100;
/** Connections to the command port that send nothing. */
const SILENT_CONNECTIONS = 1_000;

const running = useServerProcess({ heartbeat_interval: 1_000 });
const { server } = running;
let web1: SimulatedNode;
const sockets: Socket[] = [];

beforeAll(async () => (web1 = await server.availableNode('web1')));
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

/** Runs a job on web1 to its end. */
const runJob = async (): Promise<void> => {
  const id = await server.startJob({ nodes: ['web1'] });
  await voteYes(web1, id);
  await startRun(web1, id);
  await endRun(web1, id);
  expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
};

/** Opens the organization's feed on a new connection; `text` grows as the feed does, unless it is never read. */
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

describe('a server with many connections', () => {
  it('accepts a node and runs a job while many connections never complete their handshake', async () => {
    await Promise.all(Array.from({ length: SILENT_CONNECTIONS }, () => open(server.config.command_port)));
    const web2 = await server.availableNode('web2');
    await runJob();
    web2.close();
  });

  it('runs a job, sends its end to many readers although some never read, and ends all feeds on TERM', async () => {
    const readings = await Promise.all(Array.from({ length: READERS }, () => readFeed()));
    await Promise.all(Array.from({ length: 10 }, () => readFeed(false)));
    await eventually(() => readings.every(({ text }) => text.startsWith('HTTP/1.1 200')));
    await runJob();
    await eventually(() => readings.every(({ text }) => text.includes('event: job_complete')));
    await running.process.stop();
    await eventually(() => readings.every(({ ended }) => ended));
    expect(running.process.loggedErrors).toEqual([]);
    await server.startServer();
  });
});

describe('a server at its limit of open files', () => {
  it('logs a warning once, keeps its nodes, and logs when it has recovered', async () => {
    let scarce: ServerProcess | undefined;
    const limited = await ServerUnderTest.start({ heartbeat_interval: 1_000 }, async (config, secrets) => {
      scarce = await ServerProcess.start(config, secrets, 1_000);
      return scarce;
    });
    const web3 = await limited.availableNode('web3');
    await Promise.all(Array.from({ length: 1_200 }, () => open(limited.config.api_port)));
    const logCount = (msg: string): number =>
      scarce?.logged.filter((line) => line.msg.includes(msg)).length ?? 0;
    await eventually(() => logCount('nearly used up') === 1);
    await web3.expectServerHeartbeats(web3.serverHeartbeats.length + 2);
    for (const socket of sockets) socket.destroy();
    await eventually(() => logCount('enough file descriptors are free again') === 1);
    await limited.nodeBecomes('web3', 'available');
    expect(logCount('nearly used up')).toBe(1);
    await limited.close();
  });
});
