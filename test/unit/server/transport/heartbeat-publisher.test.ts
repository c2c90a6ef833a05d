import { createPublicKey, type KeyObject } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { alwaysActive } from '../../../../src/server/config/leadership.port.js';
import type { PreviousKeys, ServerKeys } from '../../../../src/server/keys/keys.port.js';
import { loadServerKeys } from '../../../../src/server/keys/load-server-keys.js';
import { createLogger } from '../../../../src/shared/platform/logger.js';
import { verifyRsa } from '../../../../src/shared/protocol/frame-signature.js';
import { HeartbeatPublisher } from '../../../../src/server/transport/heartbeat-publisher.js';
import { testServerSecrets } from '../../../support/server-settings.js';

/** A double of the socket that keeps what was sent. */
class RecordingSocket {
  readonly bodies: { sequence: number; incarnation_id: string }[] = [];
  /** Which of these keys signed each. */
  readonly signedBy: (KeyObject | undefined)[] = [];
  readonly publicKeys: KeyObject[] = [];
  failure: Error | undefined;
  isClosed = false;

  listen(address: string): Promise<string> {
    return Promise.resolve(address);
  }
  async send(header: string, body: string): Promise<void> {
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    this.bodies.push(JSON.parse(body) as RecordingSocket['bodies'][number]);
    const signature = header.split('Signature:')[1]!;
    this.signedBy.push(this.publicKeys.find((key) => verifyRsa(key, Buffer.from(body), signature)));
  }
  close(): void {
    this.isClosed = true;
  }
}

describe('HeartbeatPublisher', () => {
  let keys: ServerKeys;
  let socket: RecordingSocket;
  let publisher: HeartbeatPublisher;
  let intervalMs: number;
  let isActive: boolean;

  beforeAll(async () => {
    keys = await loadServerKeys(await testServerSecrets(), 0);
  });
  beforeEach(async () => {
    vi.useFakeTimers();
    socket = new RecordingSocket();
    intervalMs = 10_000;
    isActive = true;
    publisher = new HeartbeatPublisher({
      socket,
      keys,
      serverName: 'push.example.com',
      intervalMs: () => intervalMs,
      counts: { heartbeatLagMs: 0 },
      activity: {
        get isActive() {
          return isActive;
        },
      },
      clock: { now: () => Date.UTC(2026, 10, 22, 8) },
      logger: createLogger({ level: 'fatal' }),
    });
    await publisher.start('tcp://127.0.0.1:10000');
  });
  afterEach(() => {
    publisher.stop();
    vi.useRealTimers();
  });

  it('sends the first heartbeat at the start', async () => {
    await vi.advanceTimersByTimeAsync(0);
    expect(socket.bodies).toEqual([
      {
        sequence: 0,
        timestamp: 'Sun, 22 Nov 2026 08:00:00 GMT',
        server: 'push.example.com',
        type: 'heartbeat',
        incarnation_id: keys.incarnationId,
      },
    ]);
  });

  it('sends one in each interval, and none more', async () => {
    await vi.advanceTimersByTimeAsync(9_999);
    expect(socket.bodies).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(20_001);
    expect(socket.bodies).toMatchObject([{ sequence: 0 }, { sequence: 1 }, { sequence: 2 }, { sequence: 3 }]);
  });

  it('goes by another interval from the next one on', async () => {
    await vi.advanceTimersByTimeAsync(5_000);
    intervalMs = 40_000;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(socket.bodies).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(39_999);
    expect(socket.bodies).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(socket.bodies).toHaveLength(3);
  });

  it('is silent while the server may not act', async () => {
    isActive = false;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(socket.bodies).toHaveLength(1);
    isActive = true;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(socket.bodies).toMatchObject([{ sequence: 0 }, { sequence: 1 }]);
  });

  it('goes on after one that could not be sent', async () => {
    socket.failure = new Error('no buffer space');
    await vi.advanceTimersByTimeAsync(10_000);
    socket.failure = undefined;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(socket.bodies.at(-1)).toMatchObject({ sequence: 2 });
  });

  it('sends nothing after it was stopped', async () => {
    publisher.stop();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(socket.bodies).toHaveLength(1);
    expect(socket.isClosed).toBe(true);
  });
});

describe('HeartbeatPublisher while previous keys count', () => {
  const ROTATED_AT = Date.UTC(2026, 10, 22, 8);
  const GRACE_MS = 1_000_000;
  let keys: ServerKeys;
  let previous: PreviousKeys;

  beforeAll(async () => {
    keys = await loadServerKeys(await testServerSecrets(), 0);
    const before = await loadServerKeys(await testServerSecrets(), 0);
    previous = { ...before, rotatedAt: ROTATED_AT, validUntil: ROTATED_AT + GRACE_MS };
  });

  /** What is sent by one beat this long after the rotation. */
  const beatAfter = async (ms: number, intervalMs = 10_000): Promise<RecordingSocket> => {
    const socket = new RecordingSocket();
    socket.publicKeys.push(createPublicKey(keys.rsaPublicKeyPem), createPublicKey(previous.rsaPublicKeyPem));
    const publisher = new HeartbeatPublisher({
      socket,
      keys: { ...keys, previous },
      serverName: 'push.example.com',
      intervalMs: () => intervalMs,
      counts: { heartbeatLagMs: 0 },
      activity: alwaysActive,
      clock: { now: () => ROTATED_AT + ms },
      logger: createLogger({ level: 'fatal' }),
    });
    await publisher.start('tcp://127.0.0.1:10000');
    publisher.stop();
    await vi.waitUntil(() => socket.bodies.length > 0);
    return socket;
  };

  it('sends each a second time as the server of before, signed by its key', async () => {
    const { bodies, signedBy, publicKeys } = await beatAfter(0);
    expect(bodies).toMatchObject([
      { sequence: 0, incarnation_id: keys.incarnationId },
      { sequence: 0, incarnation_id: previous.incarnationId },
    ]);
    expect(signedBy).toEqual(publicKeys);
  });

  it.each([
    ['in the last tenth of the time', GRACE_MS * 0.9, 10_000],
    ['five intervals before its end at the latest', GRACE_MS - 250_000, 50_000],
  ])('tells those that know the previous keys of the new server %s', async (_when, from, intervalMs) => {
    expect((await beatAfter(from - 1, intervalMs)).bodies[1]?.incarnation_id).toBe(previous.incarnationId);
    const { bodies, signedBy, publicKeys } = await beatAfter(from, intervalMs);
    expect(bodies[1]?.incarnation_id).toBe(keys.incarnationId);
    expect(signedBy).toEqual(publicKeys);
  });

  it('sends its own only when the time is over', async () => {
    expect((await beatAfter(GRACE_MS - 1)).bodies).toHaveLength(2);
    const { bodies, signedBy, publicKeys } = await beatAfter(GRACE_MS);
    expect(bodies).toMatchObject([{ incarnation_id: keys.incarnationId }]);
    expect(signedBy).toEqual([publicKeys[0]]);
  });
});
