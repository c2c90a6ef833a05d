import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Subscriber } from 'zeromq';
import { BroadcastServer } from '../../../../../src/shared/platform/broadcast/broadcast-server.js';
import type { CloseReason } from '../../../../../src/shared/platform/broadcast/subscriber-connection.js';
import { encodeZmtpMessage, nullGreeting } from '../../../../../src/shared/protocol/zmtp.js';
import { eventually } from '../../../../support/eventually.js';

const READY = Buffer.concat([
  Buffer.from([4, 25]),
  Buffer.from('\x05READY\x0bSocket-Type\0\0\0\x03SUB', 'latin1'),
]);

let server: BroadcastServer;
let address: string;
let closed: CloseReason[];
let maxConnections: number;
const sockets: Socket[] = [];
const subscribers: Subscriber[] = [];

beforeEach(async () => {
  closed = [];
  maxConnections = 1000;
  server = new BroadcastServer({
    maxConnections: () => maxConnections,
    handshakeMs: 10_000,
    backlog: 128,
    keepaliveIdle: 30,
    closed: (reason) => closed.push(reason),
    fault: (thrown) => expect.fail(String(thrown)),
  });
  address = await server.listen('tcp://127.0.0.1:*');
});

afterEach(async () => {
  for (const subscriber of subscribers.splice(0)) subscriber.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  await eventually(() => server.connectionCount === 0);
});

const subscribe = (topic = ''): Subscriber => {
  const subscriber = new Subscriber({ linger: 0, receiveTimeout: 20_000 });
  subscribers.push(subscriber);
  subscriber.subscribe(topic);
  subscriber.connect(address);
  return subscriber;
};

/** A bare connection, from this loopback address. */
const open = async (localAddress = '127.0.0.1'): Promise<Socket> => {
  const socket = connect({ port: Number(new URL(address).port), host: '127.0.0.1', localAddress });
  sockets.push(socket);
  socket.on('error', () => socket.destroy());
  socket.resume(); // it hears of its end only when it has read everything
  await once(socket, 'connect');
  return socket;
};

/** A bare connection that has shaken hands; what came on it is in `received`. */
const shakeHands = async (): Promise<{ socket: Socket; received: Buffer }> => {
  const peer = { socket: await open(), received: Buffer.alloc(0) };
  peer.socket.on('data', (chunk: Buffer) => (peer.received = Buffer.concat([peer.received, chunk])));
  peer.socket.write(Buffer.concat([nullGreeting(), READY]));
  await eventually(() => peer.received.includes('READY'));
  return peer;
};

/** Broadcasts until this subscriber has something: nobody sees from outside when a handshake is over. */
const firstMessageOf = async (subscriber: Subscriber): Promise<string[]> => {
  let message: string[] | undefined;
  void subscriber.receive().then((frames) => (message = frames.map(String)));
  await eventually(async () => {
    await server.send('header', 'body');
    return message !== undefined;
  });
  return message ?? [];
};

describe('BroadcastServer', () => {
  it('sends whole messages to subscribers of ZeroMQ', async () => {
    const [one, two] = [subscribe(), subscribe()];
    expect(await firstMessageOf(one)).toEqual(['header', 'body']);
    expect(await firstMessageOf(two)).toEqual(['header', 'body']);
    const long = 'x'.repeat(3000);
    await server.send('h', long);
    for (;;) {
      const [header, body] = (await one.receive()).map(String);
      if (header !== 'h') continue;
      expect(body).toBe(long);
      break;
    }
  });

  it('keeps nothing of what a subscriber sends, and closes its connection when it sends too much', async () => {
    const { socket } = await shakeHands();
    const topic = encodeZmtpMessage([Buffer.alloc(1000, 1)]);
    for (let count = 0; count < 5; count++) socket.write(topic);
    await once(socket, 'close');
    expect(closed).toEqual(['sends_too_much']);
  });

  it('takes subscriptions again and again, if messages go out between them', async () => {
    const { socket, received } = await shakeHands();
    for (let round = 0; round < 20; round++) {
      socket.write(encodeZmtpMessage([Buffer.alloc(1000, 1)]));
      socket.write(Buffer.from([4, 8, 4, 80, 73, 78, 71, 0, 9, 65 + round]));
      await eventually(() => sockets[0]?.bytesRead !== undefined && closed.length === 0);
      await server.send('h', `round ${round}`);
    }
    expect(received.length).toBeGreaterThan(0);
    expect(closed).toEqual([]);
  });

  it('answers the PING of a subscriber', async () => {
    const peer = await shakeHands();
    peer.socket.write(Buffer.from([4, 10, 4, 80, 73, 78, 71, 0, 9, 97, 98, 99]));
    await eventually(() => peer.received.includes('PONGabc'));
  });

  it('closes connections that do not speak ZMTP', async () => {
    const socket = await open();
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await once(socket, 'close');
    expect(closed).toEqual(['invalid']);
  });

  it('disconnects a subscriber that does not read, and goes on with the others', async () => {
    const { socket } = await shakeHands();
    socket.pause();
    const reader = subscribe();
    await firstMessageOf(reader);
    const big = 'x'.repeat(4_000_000);
    await eventually(async () => {
      await server.send('big', big);
      return closed.includes('not_reading');
    });
    expect(await firstMessageOf(subscribe())).toEqual(['header', 'body']);
  });

  it('evicts the oldest connection of the address that has most when there is no room', async () => {
    maxConnections = 4;
    const few = await open('127.0.0.2');
    const many = [];
    for (let count = 0; count < 3; count++) many.push(await open('127.0.0.3'));
    await eventually(() => server.connectionCount === 4);
    await open('127.0.0.3');
    await once(many[0]!, 'close');
    expect(closed).toEqual(['evicted']);
    expect(server.connectionCount).toBe(4);
    expect(few.destroyed).toBe(false);
  });

  it('says which address it cannot listen on', async () => {
    const second = new BroadcastServer({
      maxConnections: () => 1,
      handshakeMs: 1,
      backlog: 1,
      keepaliveIdle: 1,
      closed: () => undefined,
      fault: () => undefined,
    });
    await expect(second.listen(address)).rejects.toThrow(address);
  });
});
