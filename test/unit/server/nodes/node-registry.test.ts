import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Session, Sessions } from '../../../../src/server/keys/keys.port.js';
import type { StoredNode, NodeStore } from '../../../../src/server/nodes/node-store.port.js';
import { NodeTable } from '../../../../src/server/nodes/node-table.js';
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
  let table: NodeTable;
  let handler: NodeMessageHandler;
  let saved: StoredNode[];
  let deleted: NodeAddress[];
  let warnings: string[];
  const session = { address: WEB1, orgName: 'acme', key: Buffer.alloc(32), validUntil: Infinity };

  const receiveHeartbeat = (heartbeatInterval: number): void =>
    handler.received({
      address: WEB1,
      session: { ...session, heartbeatInterval } satisfies Session,
      message: HEARTBEAT,
      firstOnConnection: false,
    });
  /** Receives a heartbeat after each interval; returns how often the node was offline before it. */
  const beatEvery = async (intervalMs: number, times: number): Promise<number> => {
    let timesOffline = 0;
    for (let beat = 0; beat < times; beat++) {
      await vi.advanceTimersByTimeAsync(intervalMs);
      if (!table.presence(WEB1).online) timesOffline++;
      receiveHeartbeat(intervalMs);
    }
    return timesOffline;
  };

  beforeEach(async () => {
    const config = await testServerConfig({ heartbeat_interval: 2_000 });
    vi.useFakeTimers();
    saved = [];
    deleted = [];
    warnings = [];
    const store: NodeStore = {
      load: () => Promise.resolve([{ ...WEB1, incarnation: INCARNATION, heardAt: Date.now() }]),
      save: (node) => void saved.push(node),
      deleteUnheardSince: () => Promise.resolve(deleted),
    };
    const clock = { now: () => Date.now() };
    table = new NodeTable(clock);
    registry = new NodeRegistry(
      config,
      { shortestHeartbeatInterval: () => 2_000, registerBusyCheck: () => undefined } as unknown as Sessions,
      { setHandler: (to: NodeMessageHandler) => void (handler = to), send: () => undefined },
      store,
      table,
      clock,
      createLogger({ level: 'warn', destination: { write: (line) => void warnings.push(line) } }),
    );
    await registry.start();
  });
  afterEach(() => {
    registry.stop();
    vi.useRealTimers();
  });

  it("applies the interval of the node's own session, though others have a shorter one", async () => {
    receiveHeartbeat(10_000);
    expect(await beatEvery(10_000, 12)).toBe(0);

    await vi.advanceTimersByTimeAsync(30_000);
    expect(table.presence(WEB1).online).toBe(true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(table.presence(WEB1).online).toBe(false);
  });

  it('considers a node with the shortest interval offline after three silent intervals', async () => {
    receiveHeartbeat(2_000);
    expect(await beatEvery(2_000, 12)).toBe(0);

    await vi.advanceTimersByTimeAsync(6_000);
    expect(table.presence(WEB1).online).toBe(true);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(table.presence(WEB1).online).toBe(false);
  });

  it('warns once per node of messages that are too long or have a wrong timestamp', () => {
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
    expect(table.detail(WEB1).drops).toMatchObject({ count: 9, reason: 'replayed' });
  });

  it('saves once a day that a node was heard', async () => {
    receiveHeartbeat(3_600_000);
    await beatEvery(3_600_000, 71);
    expect(saved).toMatchObject([{ ...WEB1, incarnation: INCARNATION }, {}]);
    expect(saved[1]?.heardAt).toBe(saved[0]!.heardAt + 24 * 3_600_000);
  });

  it('forgets a node that was deleted from the store', async () => {
    receiveHeartbeat(2_000);
    handler.dropped(WEB1, 'replayed');
    await vi.advanceTimersByTimeAsync(3_000_000);
    expect(table.details(WEB1.orgId)).toMatchObject([{ unavailabilityReason: 'replayed' }]);

    deleted.push(WEB1);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(registry.count()).toBe(0);
    vi.setSystemTime(Date.now() + 30 * 24 * 3_600_000);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(table.details(WEB1.orgId)).toEqual([]);
  });
});
