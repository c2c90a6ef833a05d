import { describe, expect, it } from 'vitest';
import type { ServerKeys, Sessions } from '../../../../src/server/keys/keys.port.js';
import { createLogger } from '../../../../src/shared/platform/logger.js';
import type { CommandRouter } from '../../../../src/server/transport/command-router.js';
import { descriptorsNeeded, openFilesLimit } from '../../../../src/server/transport/descriptor-limit.js';
import type { HeartbeatPublisher } from '../../../../src/server/transport/heartbeat-publisher.js';
import { TransportLifecycle } from '../../../../src/server/transport/transport-lifecycle.js';

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             62791                62791                processes
Max open files            1024                 524288               files
Max locked memory         unlimited            unlimited            bytes
`;

describe('openFilesLimit', () => {
  it('reads the soft limit', () => {
    expect(openFilesLimit(LIMITS)).toBe(1024);
  });

  it.each(['', 'Max open files            unlimited            unlimited            files'])(
    'knows no limit from %j',
    (text) => {
      expect(openFilesLimit(text)).toBeUndefined();
    },
  );
});

describe('TransportLifecycle', () => {
  /** Starts with doubles of both channels; hands back what was called and logged. */
  const start = async (
    nodes: number,
    { heartbeatsFail = false, previous }: { heartbeatsFail?: boolean; previous?: object } = {},
  ) => {
    const calls: string[] = [];
    const lines: string[] = [];
    const router = {
      start: (address: string) => Promise.resolve(void calls.push(`open commands ${address}`)),
      stop: () => Promise.resolve(void calls.push('close commands')),
    } as unknown as CommandRouter;
    const heartbeats = {
      start: (address: string) => {
        calls.push(`open heartbeats ${address}`);
        return heartbeatsFail ? Promise.reject(new Error('in use')) : Promise.resolve();
      },
      stop: () => void calls.push('close heartbeats'),
    } as unknown as HeartbeatPublisher;
    const addresses = {
      zeromq_listen_address: 'tcp://127.0.0.1',
      command_port: 10002,
      server_heartbeat_port: 10000,
    };
    const logger = createLogger({
      level: 'warn',
      destination: { write: (line) => void lines.push(line) },
    });
    const sessions = { count: () => nodes } as unknown as Sessions;
    const keys = { previous } as Pick<ServerKeys, 'previous'>;
    const lifecycle = new TransportLifecycle(router, heartbeats, addresses, sessions, keys, logger, 1024);
    const failure: unknown = await lifecycle.onApplicationBootstrap().catch((thrown: unknown) => thrown);
    return { lifecycle, calls, lines, failure };
  };

  it('opens the command channel before nodes hear a heartbeat, and closes both', async () => {
    const { lifecycle, calls } = await start(0);
    await lifecycle.onApplicationShutdown();
    expect(calls).toEqual([
      'open commands tcp://127.0.0.1:10002',
      'open heartbeats tcp://127.0.0.1:10000',
      'close heartbeats',
      'close commands',
    ]);
  });

  it('closes what it opened where it cannot open the rest', async () => {
    const { calls, failure } = await start(0, { heartbeatsFail: true });
    expect(failure).toMatchObject({ message: 'in use' });
    expect(calls.slice(2)).toEqual(['close heartbeats', 'close commands']);
  });

  it('warns where more nodes are known than files may be open, with the numbers', async () => {
    const { lines } = await start(500);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      limit: 1024,
      needed: descriptorsNeeded(500, false),
      nodes: 500,
    });
    expect((await start(0)).lines).toEqual([]);
  });

  it('counts two more for each node while it stands behind a front, since previous keys count', async () => {
    const { lines } = await start(500, { previous: {} });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ needed: descriptorsNeeded(500, false) + 1000 });
  });
});
