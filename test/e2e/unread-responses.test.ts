import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { sendHttp } from '../support/http-request.js';
import { useServerProcess } from '../support/use-server.js';

const MIB = 1024 * 1024;

const tested = useServerProcess();
const sockets: Socket[] = [];

afterAll(() => {
  for (const socket of sockets) socket.destroy();
});

const serverMemory = (): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${tested.process.pid}/status`, 'utf8'))?.[1]) * 1024;

/** Sends 90 requests for the API document and takes no response. */
const attack = async (): Promise<void> => {
  const socket = connect(tested.server.config.api_port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  socket.pause();
  socket.write('GET /pushy/openapi.json HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(90));
};

it('responses that nobody takes cost no memory, and other requests are served', async () => {
  const path = '/pushy/openapi.json';
  expect(await sendHttp(tested.server.url(''), { path })).toMatchObject({
    status: 200,
    json: { openapi: '3.1.0' },
  });
  const before = serverMemory();
  await Promise.all(Array.from({ length: 100 }, attack));
  const served = async () => {
    const { text } = await sendHttp(tested.server.url(''), { path: '/pushy/metrics' });
    return Number(/duration_seconds_count\{.*openapi.json.*\} (\d+)/.exec(text)?.[1]);
  };
  await eventually(async () => (await served()) > 100);
  expect(await sendHttp(tested.server.url(''), { path: '/pushy/_status' })).toMatchObject({ status: 200 });
  expect((serverMemory() - before) / MIB).toBeLessThan(300);
});
