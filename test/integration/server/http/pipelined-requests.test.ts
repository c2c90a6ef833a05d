import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Controller, Get, Header, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MAX_WAITING_REQUESTS } from '../../../../src/server/http/one-request-at-a-time.js';
import { deferred } from '../../../../src/shared/lib/deferred.js';
import { DevChefServer } from '../../../dev-chef-server/dev-chef-server.js';
import { eventually } from '../../../support/eventually.js';
import { type HttpApp, startHttpApp } from '../../../support/http-app.js';
import { sendHttp } from '../../../support/http-request.js';

/** All responses together are several times as large as the kernel's buffers of one connection. */
const REQUESTS = 300;
const RESPONSE_BYTES = 200_000;

/** Larger than a request needs, so that one read of the server contains only a few requests. */
const PADDING = 'x'.repeat(8_000);

let served: string[] = [];
/** Handlers wait for this. */
let gate = deferred();

/** Handles a request slowly, so that the next requests arrive meanwhile. */
const serve = async (name: string): Promise<void> => {
  served.push(name);
  await gate.promise;
  for (let turn = 0; turn < 5; turn++) await nextTurn();
};

@Controller('large')
class LargeController {
  @Get(':name')
  @Header('Content-Type', 'application/octet-stream')
  async show(@Param('name') name: string): Promise<Buffer> {
    await serve(name);
    return Buffer.alloc(RESPONSE_BYTES, `${name} `);
  }

  @Post(':name')
  @Header('Content-Type', 'application/octet-stream')
  async take(@Param('name') name: string, @Req() { body }: FastifyRequest): Promise<Buffer> {
    await serve(name);
    const bytes = Buffer.isBuffer(body) ? body.length : 0;
    return Buffer.alloc(RESPONSE_BYTES, bytes === PADDING.length ? `${name} ` : 'wrong body ');
  }
}

let chef: DevChefServer;
let app: HttpApp;
let socket: Socket;

beforeAll(async () => {
  chef = await DevChefServer.start();
  app = await startHttpApp({ chef, controllers: [LargeController] });
});

beforeEach(() => {
  served = [];
  gate = deferred();
});

afterAll(async () => {
  await app.close();
  await chef.stop();
});

/** Connects and reads nothing. */
const connectWithoutReading = async (): Promise<void> => {
  const { hostname, port } = new URL(app.url);
  socket = connect(Number(port), hostname);
  socket.on('error', () => socket.destroy()); // the server may close the connection
  await once(socket, 'connect');
  socket.pause();
};

const get = (name: number): string =>
  `GET /large/${name} HTTP/1.1\r\nHost: a\r\nX-Padding: ${PADDING}\r\n\r\n`;

const post = (name: number): string =>
  `POST /large/${name} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: ${PADDING.length}\r\n\r\n${PADDING}`;

/** Waits until the server has handled what it could: another connection is served, and nothing more is handled. */
const untilIdle = async (): Promise<void> => {
  for (let before = -1; before !== served.length;) {
    before = served.length;
    for (let turn = 0; turn < 5; turn++) await sendHttp(app.url, { path: '/nothing' });
  }
};

describe('requests that are pipelined on one connection', () => {
  it.each([
    ['GET', get],
    ['POST', post],
  ])(
    'wait while the client does not take the responses, and are served in order when it does: %s',
    async (_method, request) => {
      await connectWithoutReading();
      for (let name = 1; name <= REQUESTS; name++) socket.write(request(name));
      await eventually(() => served.length > 0);
      await untilIdle();
      expect(served).toHaveLength(1);
      gate.resolve();
      await untilIdle();
      expect(served.length).toBeLessThan(REQUESTS / 2);

      let received = '';
      socket.setEncoding('latin1').on('data', (text: string) => (received += text));
      socket.resume();
      const names = Array.from({ length: REQUESTS }, (_, index) => String(index + 1));
      const responses = () => Array.from(received.matchAll(/\r\n\r\n(\d+) /g), ([, name]) => name);
      await eventually(() => received.length > REQUESTS * RESPONSE_BYTES || socket.destroyed);
      expect(responses()).toEqual(names);
      expect(served).toEqual(names);
      socket.destroy();
    },
  );

  it('end the connection if too many wait', async () => {
    await connectWithoutReading();
    const closed = once(socket, 'close');
    const small = (name: number): string => `GET /large/${name} HTTP/1.1\r\nHost: a\r\n\r\n`;
    socket.write(Array.from({ length: 3 * MAX_WAITING_REQUESTS }, (_, name) => small(name)).join(''));
    socket.resume();
    await closed;
    gate.resolve();
    await untilIdle();
    expect(served).toEqual(['0']);
    expect(await sendHttp(app.url, { path: '/nothing' })).toMatchObject({ status: 404 });
  });
});
