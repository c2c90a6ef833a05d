import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Session, Sessions } from '../../../../src/server/keys/keys.port.js';
import type { KnownNode, NodeStore } from '../../../../src/server/nodes/node-store.port.js';
import { NodeRegistry } from '../../../../src/server/nodes/node-registry.js';
import { createLogger } from '../../../../src/shared/platform/logger.js';
import type { ClientMessage } from '../../../../src/shared/protocol/client-message.js';
import type { NodeAddress } from '../../../../src/shared/protocol/node-address.js';
import type { NodeMessageHandler } from '../../../../src/server/transport/transport.port.js';
import { testServerConfig } from '../../../support/server-settings.js';

const WEB1 = { orgId: 'a'.repeat(32), node: 'web1' };
const INCARNATION = 'one';
const HEARTBEAT: ClientMessage = {
  type: 'heartbeat',
  node: 'web1',
  client: 'web1.example.com',
  protocol_version: '2.0',
  org: 'acme',
  sequence: 1,
  timestamp: '',
  incarnation_id: INCARNATION,
  job_state: 'idle',
  job_id: null,
};

describe('NodeRegistry', () => {
  let registry: NodeRegistry;
  let handler: NodeMessageHandler;
  let remembered: KnownNode[];
  let forgotten: NodeAddress[];
  let warnings: string[];
  const session = { address: WEB1, orgName: 'acme', key: Buffer.alloc(32), validUntil: Infinity };

  const hear = (heartbeatInterval: number): void =>
    handler.received({
      address: WEB1,
      session: { ...session, heartbeatInterval } satisfies Session,
      message: HEARTBEAT,
      firstOnConnection: false,
    });
  /** Lets so many milliseconds pass in steps, hears the node after each, and tells how often it was gone then. */
  const beatEvery = async (intervalMs: number, times: number): Promise<number> => {
    let gone = 0;
    for (let beat = 0; beat < times; beat++) {
      await vi.advanceTimersByTimeAsync(intervalMs);
      if (!registry.presence(WEB1).online) gone++;
      hear(intervalMs);
    }
    return gone;
  };

  beforeEach(async () => {
    const config = await testServerConfig({ heartbeat_interval: 2_000 });
    vi.useFakeTimers();
    remembered = [];
    forgotten = [];
    warnings = [];
    const store: NodeStore = {
      load: () => Promise.resolve([{ ...WEB1, incarnation: INCARNATION, heardAt: Date.now() }]),
      remember: (node) => void remembered.push(node),
      forgetUnheard: () => Promise.resolve(forgotten),
    };
    registry = new NodeRegistry(
      config,
      { shortestInterval: () => 2_000, keepWhile: () => undefined } as unknown as Sessions,
      { handle: (to: NodeMessageHandler) => void (handler = to), send: () => undefined },
      store,
      { now: () => Date.now() },
      createLogger({ level: 'warn', destination: { write: (line) => void warnings.push(line) } }),
    );
    await registry.start();
  });
  afterEach(() => {
    registry.stop();
    vi.useRealTimers();
  });

  it('holds a node to the interval that it was told, though others go by a shorter one', async () => {
    hear(10_000);
    expect(await beatEvery(10_000, 12)).toBe(0);

    await vi.advanceTimersByTimeAsync(30_000);
    expect(registry.presence(WEB1).online).toBe(false);
  });

  it('notices within three intervals that a node is gone which goes by the shortest', async () => {
    hear(2_000);
    expect(await beatEvery(2_000, 12)).toBe(0);

    await vi.advanceTimersByTimeAsync(6_000);
    expect(registry.presence(WEB1).online).toBe(false);
  });

  it('warns once of a node whose messages are too long, or come by a wrong clock', () => {
    for (let times = 0; times < 3; times++) {
      for (const reason of ['body_too_long', 'clock_skew', 'replayed'] as const) {
        handler.dropped(WEB1, reason);
        handler.dropped({ ...WEB1, node: 'web2' }, reason);
      }
    }
    expect(warnings.map((line) => JSON.parse(line) as object)).toMatchObject([
      { node: 'web1', reason: 'body_too_long', msg: expect.stringContaining('max_body_size') as string },
      { node: 'web2', reason: 'body_too_long' },
      { node: 'web1', reason: 'clock_skew', msg: expect.stringContaining('max_time_skew') as string },
      { node: 'web2', reason: 'clock_skew' },
    ]);
    expect(registry.detail(WEB1).drops).toMatchObject({ count: 9, reason: 'replayed' });
  });

  it('stores once a day that a node was heard', async () => {
    hear(3_600_000);
    await beatEvery(3_600_000, 71);
    expect(remembered).toMatchObject([{ ...WEB1, incarnation: INCARNATION }, {}]);
    expect(remembered[1]?.heardAt).toBe(remembered[0]!.heardAt + 24 * 3_600_000);
  });

  it('knows a node no more that was forgotten', async () => {
    hear(2_000);
    handler.dropped(WEB1, 'replayed');
    await vi.advanceTimersByTimeAsync(3_000_000);
    expect(registry.details(WEB1.orgId)).toMatchObject([{ trouble: 'replayed' }]);

    forgotten.push(WEB1);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(registry.count()).toBe(0);
    vi.setSystemTime(Date.now() + 30 * 24 * 3_600_000);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(registry.details(WEB1.orgId)).toEqual([]);
  });
});
