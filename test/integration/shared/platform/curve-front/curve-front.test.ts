import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type CurveBackend,
  CurveFront,
  type CurveFrontOptions,
} from '../../../../../src/shared/platform/curve-front/curve-front.js';
import {
  GREETING_BYTES,
  loadHelloOpener,
  OPENING_BYTES,
  serverGreeting,
} from '../../../../../src/shared/protocol/curve-hello.js';
import { decodeCurveKey, generateCurveKeyPair } from '../../../../../src/shared/protocol/curve-key.js';
import { recordCurveOpening } from '../../../../support/curve-opening.js';
import { eventually } from '../../../../support/eventually.js';

const MAX_PENDING = 5;

/** A fake ZeroMQ listener: it sends a greeting and records what it receives. */
class RecordingBackend {
  readonly sockets: Socket[] = [];
  readonly said: Buffer[] = [];
  private readonly server: Server;

  constructor(readonly secretKey: Buffer) {
    this.server = createServer((socket) => {
      const index = this.sockets.push(socket) - 1;
      this.said[index] = Buffer.alloc(0);
      socket.write(serverGreeting());
      socket.on('data', (chunk) => (this.said[index] = Buffer.concat([this.said[index]!, chunk])));
      socket.on('error', () => socket.destroy());
    });
  }
  async listen(): Promise<CurveBackend> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return { secretKey: this.secretKey, port: (this.server.address() as AddressInfo).port };
  }
  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** A client at the front, and what it received. */
class RawClient {
  said = Buffer.alloc(0);
  readonly socket: Socket;
  constructor(address: string) {
    this.socket = connect(Number(new URL(address).port), '127.0.0.1');
    this.socket.on('data', (chunk) => (this.said = Buffer.concat([this.said, chunk])));
    this.socket.on('error', () => this.socket.destroy());
  }
  get isClosed(): boolean {
    return this.socket.closed;
  }
}

const secretKeys: Buffer[] = [];
const openings: Buffer[] = [];
let backends: RecordingBackend[];
let listeners: CurveBackend[];
let front: CurveFront;
let clients: RawClient[];
let refused: number;
let counts: Map<CurveBackend, number>;
let address: string;

const start = async (options: Partial<CurveFrontOptions> = {}): Promise<void> => {
  front = new CurveFront({
    backends: listeners,
    opensHello: await loadHelloOpener(),
    handshakeMs: 120_000,
    maxPending: MAX_PENDING,
    backlog: 100,
    keepaliveIdle: 30,
    refused: () => refused++,
    connections: (backend, count) => counts.set(backend, count),
    fault: (thrown) => expect.unreachable(String(thrown)),
    ...options,
  });
  address = await front.listen('tcp://127.0.0.1:*');
};
const newClient = (said: Uint8Array | string = ''): RawClient => {
  const client = new RawClient(address);
  clients.push(client);
  client.socket.write(said);
  return client;
};
/** A client that is connected to a backend. */
const passed = async (backend: number): Promise<{ client: RawClient; behind: Socket }> => {
  const before = backends[backend]!.sockets.length;
  const client = newClient(openings[backend]);
  await eventually(() => backends[backend]!.said[before]?.equals(openings[backend]!));
  return { client, behind: backends[backend]!.sockets[before]! };
};

beforeAll(async () => {
  for (let index = 0; index < 3; index++) {
    const { publicKey, secretKey } = await generateCurveKeyPair();
    secretKeys.push(decodeCurveKey(secretKey)!);
    openings.push(await recordCurveOpening(publicKey));
  }
});
beforeEach(async () => {
  refused = 0;
  counts = new Map();
  clients = [];
  backends = secretKeys.slice(0, 2).map((secretKey) => new RecordingBackend(secretKey));
  listeners = await Promise.all(backends.map((backend) => backend.listen()));
});
afterEach(async () => {
  await front.close();
  for (const { socket } of clients) socket.destroy();
  for (const backend of backends) await backend.close();
  await eventually(() => clients.every(({ isClosed }) => isClosed));
});

describe('a client with one of our keys', () => {
  beforeEach(() => start());

  it.each([0, 1])('is routed to the listener of that key, number %i, in both directions', async (index) => {
    const { client, behind } = await passed(index);
    behind.write('welcome');
    client.socket.write('initiate');
    await eventually(() => client.said.equals(Buffer.concat([serverGreeting(), Buffer.from('welcome')])));
    await eventually(() => backends[index]!.said[0]!.subarray(OPENING_BYTES).toString() === 'initiate');
    expect(backends[1 - index]!.sockets).toEqual([]);
    expect(counts).toEqual(new Map([[listeners[index]!, 1]]));
    expect(refused).toBe(0);
  });

  it('can send its opening in any pieces, and gets the greeting first', async () => {
    const client = newClient();
    await eventually(() => client.said.length === GREETING_BYTES);
    for (const byte of openings[1]!) {
      client.socket.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    await eventually(() => backends[1]!.said[0]?.equals(openings[1]!));
  });

  it.each(['client', 'server'])('gets the last bytes when the %s closes', async (who) => {
    const [piece, pieces] = [Buffer.alloc(65_536, 'x'), 50];
    const { client, behind } = await passed(0);
    const [from, to] = who === 'client' ? [client.socket, behind] : [behind, client.socket];
    const heard = (): Buffer => (who === 'client' ? backends[0]!.said[0]! : client.said);
    const before = heard().length;
    to.pause();
    for (let sent = 0; sent < pieces; sent++) from.write(piece);
    from.end();
    await new Promise(setImmediate);
    to.resume();
    await eventually(() => heard().length === before + pieces * piece.length);
    await eventually(() => client.isClosed && behind.closed && counts.get(listeners[0]!) === 0);
  });

  it.each(['client', 'server'])('slows the %s down to the speed of the other side', async (who) => {
    const { client, behind } = await passed(0);
    const [from, to] = who === 'client' ? [client.socket, behind] : [behind, client.socket];
    const bytes = 64 * 1024 * 1024;
    to.pause();
    from.write(Buffer.alloc(bytes));
    // The kernel buffers some megabytes; the rest must stay with the sender.
    let [left, looks] = [bytes, 0];
    await eventually(() => {
      looks = from.writableLength === left ? looks + 1 : 0;
      left = from.writableLength;
      return looks >= 10;
    });
    expect(left).toBeGreaterThan(bytes / 2);
    to.removeAllListeners('data').resume();
    await eventually(() => from.writableLength === 0);
  });

  it('is closed if there is no listener', async () => {
    await backends[0]!.close();
    const client = newClient(openings[0]);
    await eventually(() => client.isClosed && counts.get(listeners[0]!) === 0);
    backends.shift();
  });
});

describe('a client without one of our keys', () => {
  const greeting = (mechanism: string, major = 3): Buffer => {
    const bytes = serverGreeting();
    bytes.write(mechanism.padEnd(20, '\0'), 12, 'latin1');
    bytes[10] = major;
    return bytes;
  };

  it.each([
    ['expects another key', () => openings[2]!],
    ['has no security mechanism', () => greeting('NULL')],
    ['uses a name and a password', () => greeting('PLAIN')],
    ['speaks ZMTP 2', () => greeting('CURVE', 1)],
    ['speaks HTTP', () => 'GET / HTTP/1.1\r\n\r\n'],
    ['sends more than its opening', () => Buffer.concat([openings[0]!, Buffer.alloc(1)])],
  ])('that %s is closed at once and counted', async (_what, said) => {
    await start();
    const client = newClient(said());
    await eventually(() => client.isClosed && refused === 1);
    expect(backends.flatMap(({ sockets }) => sockets)).toEqual([]);
  });

  it.each([
    ['is silent', () => undefined],
    [
      'sends one byte at a time',
      (client: RawClient) => {
        const bytes = openings[0]!.values();
        const dripping = setInterval(() => {
          if (client.isClosed) clearInterval(dripping);
          else client.socket.write(Buffer.of(bytes.next().value ?? 0));
        }, 20);
      },
    ],
  ])('that %s is closed after the time limit and counted', async (_what, act) => {
    await start({ handshakeMs: 200 });
    const client = newClient();
    act(client);
    await eventually(() => client.isClosed && refused === 1);
    const { client: other } = await passed(0);
    expect(other.isClosed).toBe(false);
  });

  it('that closes by itself is not counted', async () => {
    await start();
    const client = newClient(openings[0]!.subarray(0, 100));
    await eventually(() => client.said.length === GREETING_BYTES);
    client.socket.destroy();
    await eventually(() => client.isClosed);
    await passed(0);
    expect(refused).toBe(0);
  });

  it('is refused at the limit of pending connections when others follow', async () => {
    await start();
    const idle: RawClient[] = [];
    for (let index = 0; index <= MAX_PENDING; index++) {
      idle.push(newClient());
      await eventually(() => idle[index]!.said.length === GREETING_BYTES);
    }
    await eventually(() => idle[0]!.isClosed && refused === 1);
    expect(idle.slice(1).map(({ isClosed }) => isClosed)).toEqual(Array(MAX_PENDING).fill(false));
    const { client } = await passed(1);
    expect(client.isClosed).toBe(false);
  });
});

describe('closeBackend', () => {
  it('closes the connections to a backend and routes no others to it', async () => {
    await start();
    const [kept, lost] = [await passed(0), await passed(1)];
    expect(front.closeBackend(listeners[1]!)).toBe(1);
    await eventually(() => lost.client.isClosed && lost.behind.closed);
    expect(counts.get(listeners[1]!)).toBe(0);
    const late = newClient(openings[1]);
    await eventually(() => late.isClosed && refused === 1);
    expect(kept.client.isClosed).toBe(false);
  });
});

it('names an address that is in use', async () => {
  await start();
  const second = new CurveFront({
    backends: listeners,
    opensHello: await loadHelloOpener(),
    handshakeMs: 1000,
    maxPending: 1,
    backlog: 1,
    keepaliveIdle: 30,
    refused: () => undefined,
    connections: () => undefined,
    fault: () => undefined,
  });
  await expect(second.listen(address)).rejects.toMatchObject({
    code: 'address_in_use',
    message: expect.stringContaining(address) as string,
  });
  await second.close();
});
