import { describe, expect, it } from 'vitest';
import type { ServerConfig } from '../../../../src/server/config/server-config.js';
import type { ServerKeys, Sessions } from '../../../../src/server/keys/keys.port.js';
import type { CommandRouter } from '../../../../src/server/transport/command-router.js';
import type { DescriptorWatch } from '../../../../src/server/transport/descriptor-watch.js';
import type { HeartbeatPublisher } from '../../../../src/server/transport/heartbeat-publisher.js';
import { TransportLifecycle } from '../../../../src/server/transport/transport-lifecycle.js';

describe('TransportLifecycle', () => {
  /** Starts with doubles of everything; returns the calls and the error. */
  const start = async ({
    heartbeatsFail = false,
    previous,
  }: { heartbeatsFail?: boolean; previous?: object } = {}) => {
    const calls: string[] = [];
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
    const descriptors = {
      start: (nodes: number, withFront: boolean) => void calls.push(`watch ${nodes} ${withFront}`),
      stop: () => void calls.push('stop watch'),
    } as unknown as DescriptorWatch;
    const config = {
      zeromq_listen_address: 'tcp://127.0.0.1',
      command_port: 10002,
      server_heartbeat_port: 10000,
    } as ServerConfig;
    const sessions = { count: () => 500 } as unknown as Sessions;
    const keys = { previous } as ServerKeys;
    const lifecycle = new TransportLifecycle(router, heartbeats, descriptors, sessions, keys, config);
    const failure: unknown = await lifecycle.onApplicationBootstrap().catch((thrown: unknown) => thrown);
    return { lifecycle, calls, failure };
  };

  it('opens the command channel before the heartbeat channel, and closes both', async () => {
    const { lifecycle, calls } = await start();
    await lifecycle.onApplicationShutdown();
    expect(calls).toEqual([
      'watch 500 false',
      'open commands tcp://127.0.0.1:10002',
      'open heartbeats tcp://127.0.0.1:10000',
      'stop watch',
      'close heartbeats',
      'close commands',
    ]);
  });

  it('closes the command channel if it cannot open the heartbeat channel', async () => {
    const { calls, failure } = await start({ heartbeatsFail: true });
    expect(failure).toMatchObject({ message: 'in use' });
    expect(calls.slice(3)).toEqual(['stop watch', 'close heartbeats', 'close commands']);
  });

  it('reckons with the curve front during a grace period', async () => {
    expect((await start({ previous: {} })).calls[0]).toBe('watch 500 true');
  });
});
