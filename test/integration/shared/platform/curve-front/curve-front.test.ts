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

/** A double of a listener of ZeroMQ: it greets, and keeps what it is told. */
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

/** A client at the front, and what it was told. */
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
    opens: await loadHelloOpener(),
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
/** A client that is through to a backend. */
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

describe('a client that asks for a key of ours', () => {
  beforeEach(() => start());

  it.each([0, 1])('is led to the listener of that key, number %i, and passes both ways', async (index) => {
    const { client, behind } = await passed(index);
    behind.write('welcome');
    client.socket.write('initiate');
    await eventually(() => client.said.equals(Buffer.concat([serverGreeting(), Buffer.from('welcome')])));
    await eventually(() => backends[index]!.said[0]!.subarray(OPENING_BYTES).toString() === 'initiate');
    expect(backends[1 - index]!.sockets).toEqual([]);
    expect(counts).toEqual(new Map([[listeners[index]!, 1]]));
    expect(refused).toBe(0);
  });

  it('may say it in any pieces, and is greeted before it says a word', async () => {
    const client = newClient();
    await eventually(() => client.said.length === GREETING_BYTES);
    for (const byte of openings[1]!) {
      client.socket.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    await eventually(() => backends[1]!.said[0]?.equals(openings[1]!));
  });

  it.each(['client', 'server'])('has the last words of the %s passed on when that leaves', async (who) => {
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

  it.each(['client', 'server'])('has the %s slowed down to what the other takes', async (who) => {
    const { client, behind } = await passed(0);
    const [from, to] = who === 'client' ? [client.socket, behind] : [behind, client.socket];
    const bytes = 64 * 1024 * 1024;
    to.pause();
    from.write(Buffer.alloc(bytes));
    // What the kernel holds is some megabytes; the rest must stay with whoever sends it.
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

  it('is let go when the listener is not there', async () => {
    await backends[0]!.close();
    const client = newClient(openings[0]);
    await eventually(() => client.isClosed && counts.get(listeners[0]!) === 0);
    backends.shift();
  });
});

describe('a client that does not', () => {
  const greeting = (mechanism: string, major = 3): Buffer => {
    const bytes = serverGreeting();
    bytes.write(mechanism.padEnd(20, '\0'), 12, 'latin1');
    bytes[10] = major;
    return bytes;
  };

  it.each([
    ['asks for a key that is not ours', () => openings[2]!],
    ['comes without a security mechanism', () => greeting('NULL')],
    ['has a name and a password', () => greeting('PLAIN')],
    ['speaks ZMTP 2', () => greeting('CURVE', 1)],
    ['speaks HTTP', () => 'GET / HTTP/1.1\r\n\r\n'],
    ['says more than a client may', () => Buffer.concat([openings[0]!, Buffer.alloc(1)])],
  ])('and %s is closed at once and counted', async (_what, said) => {
    await start();
    const client = newClient(said());
    await eventually(() => client.isClosed && refused === 1);
    expect(backends.flatMap(({ sockets }) => sockets)).toEqual([]);
  });

  it.each([
    ['is silent', () => undefined],
    [
      'goes on with a byte at a time',
      (client: RawClient) => {
        const bytes = openings[0]!.values();
        const dripping = setInterval(() => {
          if (client.isClosed) clearInterval(dripping);
          else client.socket.write(Buffer.of(bytes.next().value ?? 0));
        }, 20);
      },
    ],
  ])('and %s is closed when its time is over, and counted', async (_what, act) => {
    await start({ handshakeMs: 200 });
    const client = newClient();
    act(client);
    await eventually(() => client.isClosed && refused === 1);
    const { client: other } = await passed(0);
    expect(other.isClosed).toBe(false);
  });

  it('and leaves by itself is not counted', async () => {
    await start();
    const client = newClient(openings[0]!.subarray(0, 100));
    await eventually(() => client.said.length === GREETING_BYTES);
    client.socket.destroy();
    await eventually(() => client.isClosed);
    await passed(0);
    expect(refused).toBe(0);
  });

  it('and stays is pushed out by those that come after it, when too many stay', async () => {
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

describe('a listener that is dropped', () => {
  it('loses its connections, and nobody is led to it; the others stay', async () => {
    await start();
    const [kept, lost] = [await passed(0), await passed(1)];
    expect(front.drop(listeners[1]!)).toBe(1);
    await eventually(() => lost.client.isClosed && lost.behind.closed);
    expect(counts.get(listeners[1]!)).toBe(0);
    const late = newClient(openings[1]);
    await eventually(() => late.isClosed && refused === 1);
    expect(kept.client.isClosed).toBe(false);
  });
});

it('an address that is in use is named', async () => {
  await start();
  const second = new CurveFront({
    backends: listeners,
    opens: await loadHelloOpener(),
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
