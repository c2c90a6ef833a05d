import { createPublicKey, type KeyObject } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ServerConfig } from '../../../../src/server/config/server-config.js';
import { alwaysLeader, type Leadership } from '../../../../src/server/config/leadership.port.js';
import type { KeySet, PreviousKeys, ServerKeys, Sessions } from '../../../../src/server/keys/keys.port.js';
import { loadServerKeys } from '../../../../src/server/keys/load-server-keys.js';
import type { BroadcastServer } from '../../../../src/shared/platform/broadcast/broadcast-server.js';
import { createLogger } from '../../../../src/shared/platform/logger.js';
import { verifyRsa } from '../../../../src/shared/protocol/frame-signature.js';
import { HeartbeatPublisher } from '../../../../src/server/transport/heartbeat-publisher.js';
import { TransportCounters } from '../../../../src/server/transport/transport-counters.js';
import { testServerSecrets } from '../../../support/server-settings.js';

/** A socket that records what it sends. */
class RecordingSocket {
  readonly bodies: { sequence: number; incarnation_id: string }[] = [];
  /** For each body the key of `publicKeys` that signed it. */
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

const createPublisher = (setup: {
  socket: RecordingSocket;
  keys: ServerKeys;
  intervalMs: () => number;
  leadership: Leadership;
  now: number;
}): HeartbeatPublisher =>
  new HeartbeatPublisher(
    setup.socket as unknown as BroadcastServer,
    setup.keys,
    { shortestHeartbeatInterval: setup.intervalMs } as Sessions,
    new TransportCounters(),
    { server_name_advertised: 'push.example.com' } as ServerConfig,
    setup.leadership,
    { now: () => setup.now },
    createLogger({ level: 'fatal' }),
  );

describe('HeartbeatPublisher', () => {
  let keys: ServerKeys;
  let socket: RecordingSocket;
  let publisher: HeartbeatPublisher;
  let intervalMs: number;
  let isLeader: boolean;

  beforeAll(async () => {
    keys = await loadServerKeys(await testServerSecrets(), 0);
  });
  beforeEach(async () => {
    vi.useFakeTimers();
    socket = new RecordingSocket();
    intervalMs = 10_000;
    isLeader = true;
    publisher = createPublisher({
      socket,
      keys,
      intervalMs: () => intervalMs,
      leadership: {
        get isLeader() {
          return isLeader;
        },
        resign: () => undefined,
      },
      now: Date.UTC(2026, 10, 22, 8),
    });
    await publisher.start('tcp://127.0.0.1:10000');
  });
  afterEach(() => {
    publisher.stop();
    vi.useRealTimers();
  });

  it('sends the first heartbeat at start', async () => {
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

  it('sends one heartbeat per interval', async () => {
    await vi.advanceTimersByTimeAsync(9_999);
    expect(socket.bodies).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(20_001);
    expect(socket.bodies).toMatchObject([{ sequence: 0 }, { sequence: 1 }, { sequence: 2 }, { sequence: 3 }]);
  });

  it('applies a new interval after the next heartbeat', async () => {
    await vi.advanceTimersByTimeAsync(5_000);
    intervalMs = 40_000;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(socket.bodies).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(39_999);
    expect(socket.bodies).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(socket.bodies).toHaveLength(3);
  });

  it('sends nothing while the server is a standby', async () => {
    isLeader = false;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(socket.bodies).toHaveLength(1);
    isLeader = true;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(socket.bodies).toMatchObject([{ sequence: 0 }, { sequence: 1 }]);
  });

  it('continues after a heartbeat that cannot be sent', async () => {
    socket.failure = new Error('no buffer space');
    await vi.advanceTimersByTimeAsync(10_000);
    socket.failure = undefined;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(socket.bodies.at(-1)).toMatchObject({ sequence: 2 });
  });

  it('sends nothing after stop', async () => {
    publisher.stop();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(socket.bodies).toHaveLength(1);
    expect(socket.isClosed).toBe(true);
  });
});

describe('HeartbeatPublisher during a grace period', () => {
  const ROTATED_AT = Date.UTC(2026, 10, 22, 8);
  const GRACE_MS = 1_000_000;
  let keys: KeySet;
  let previous: PreviousKeys;

  beforeAll(async () => {
    keys = await loadServerKeys(await testServerSecrets(), 0);
    const before: KeySet = await loadServerKeys(await testServerSecrets(), 0);
    previous = { ...before, rotatedAt: ROTATED_AT, validUntil: ROTATED_AT + GRACE_MS };
  });

  /** Sends one heartbeat this long after the rotation. */
  const beatAfter = async (ms: number, intervalMs = 10_000): Promise<RecordingSocket> => {
    const socket = new RecordingSocket();
    socket.publicKeys.push(createPublicKey(keys.rsaPublicKeyPem), createPublicKey(previous.rsaPublicKeyPem));
    const publisher = createPublisher({
      socket,
      keys: { ...keys, previous },
      intervalMs: () => intervalMs,
      leadership: alwaysLeader,
      now: ROTATED_AT + ms,
    });
    await publisher.start('tcp://127.0.0.1:10000');
    publisher.stop();
    await vi.waitUntil(() => socket.bodies.length > 0);
    return socket;
  };

  it('also sends each heartbeat with the previous incarnation id, signed with the previous key', async () => {
    const { bodies, signedBy, publicKeys } = await beatAfter(0);
    expect(bodies).toMatchObject([
      { sequence: 0, incarnation_id: keys.incarnationId },
      { sequence: 0, incarnation_id: previous.incarnationId },
    ]);
    expect(signedBy).toEqual(publicKeys);
  });

  it.each([
    ['in the last tenth of the grace period', GRACE_MS * 0.9, 10_000],
    ['at least five intervals before its end', GRACE_MS - 250_000, 50_000],
  ])('sends the new incarnation id with the previous key %s', async (_when, from, intervalMs) => {
    expect((await beatAfter(from - 1, intervalMs)).bodies[1]?.incarnation_id).toBe(previous.incarnationId);
    const { bodies, signedBy, publicKeys } = await beatAfter(from, intervalMs);
    expect(bodies[1]?.incarnation_id).toBe(keys.incarnationId);
    expect(signedBy).toEqual(publicKeys);
  });

  it('sends only its own heartbeat after the grace period', async () => {
    expect((await beatAfter(GRACE_MS - 1)).bodies).toHaveLength(2);
    const { bodies, signedBy, publicKeys } = await beatAfter(GRACE_MS);
    expect(bodies).toMatchObject([{ incarnation_id: keys.incarnationId }]);
    expect(signedBy).toEqual([publicKeys[0]]);
  });
});
