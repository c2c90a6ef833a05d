import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ServerKeys } from '../../../src/keys/keys.port.js';
import { loadServerKeys } from '../../../src/keys/load-server-keys.js';
import { createLogger } from '../../../src/platform/logger.js';
import { HeartbeatPublisher } from '../../../src/transport/heartbeat-publisher.js';
import { testServerSecrets } from '../../support/server-settings.js';

/** A double of the socket that keeps what was sent. */
class RecordingSocket {
  readonly bodies: unknown[] = [];
  failure: Error | undefined;
  isClosed = false;

  listen(address: string): Promise<string> {
    return Promise.resolve(address);
  }
  async send(_header: string, body: string): Promise<void> {
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    this.bodies.push(JSON.parse(body));
  }
  close(): void {
    this.isClosed = true;
  }
}

describe('HeartbeatPublisher', () => {
  let keys: ServerKeys;
  let socket: RecordingSocket;
  let publisher: HeartbeatPublisher;

  beforeAll(async () => {
    keys = await loadServerKeys(await testServerSecrets());
  });
  beforeEach(async () => {
    vi.useFakeTimers();
    socket = new RecordingSocket();
    publisher = new HeartbeatPublisher({
      socket,
      keys,
      serverName: 'push.example.com',
      intervalMs: 10_000,
      counts: { heartbeatLagMs: 0 },
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
