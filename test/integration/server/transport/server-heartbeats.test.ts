import { createPublicKey } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Subscriber } from 'zeromq';
import type { ServerSecrets } from '../../../../src/server/config/server-secrets.js';
import { parseHeader } from '../../../../src/shared/protocol/frame-header.js';
import { verifyRsa } from '../../../../src/shared/protocol/frame-signature.js';
import { eventually } from '../../../support/eventually.js';
import { testServerConfig, testServerSecrets } from '../../../support/server-settings.js';
import { TransportUnderTest } from '../../../support/transport-under-test.js';

const INTERVAL_MS = 100;

describe('the heartbeats of the server', () => {
  let secrets: ServerSecrets;
  let transport: TransportUnderTest | undefined;
  let subscriber: Subscriber | undefined;

  beforeAll(async () => {
    secrets = await testServerSecrets();
  });
  afterEach(async () => {
    subscriber?.close();
    await transport?.close();
    transport = undefined;
  });

  const listen = (port: number): Subscriber => {
    subscriber = new Subscriber({ linger: 0, receiveTimeout: 5_000 });
    subscriber.subscribe('');
    subscriber.connect(`tcp://127.0.0.1:${port}`);
    return subscriber;
  };

  it('are signed with its RSA key, and have its name, incarnation id and an increasing sequence', async () => {
    transport = await TransportUnderTest.start({
      secrets,
      config: { heartbeat_interval: INTERVAL_MS, server_name_advertised: 'push.example.com' },
    });
    const heartbeats = listen(transport.config.server_heartbeat_port);
    const publicKey = createPublicKey(transport.keys.rsaPublicKeyPem);
    let last: number | undefined;

    for (let beat = 0; beat < 3; beat++) {
      const [headerBytes, body] = await heartbeats.receive();
      const header = parseHeader(headerBytes!);
      if (!header.ok) throw new Error(header.error);
      expect(header.value).toMatchObject({ version: '2.0', method: 'rsa2048_sha1' });
      expect(verifyRsa(publicKey, body!, header.value.signature)).toBe(true);

      const heartbeat = JSON.parse(String(body)) as { sequence: number; timestamp: string };
      expect(heartbeat).toMatchObject({
        type: 'heartbeat',
        server: 'push.example.com',
        incarnation_id: transport.keys.incarnationId,
      });
      expect(new Date(heartbeat.timestamp).toUTCString()).toBe(heartbeat.timestamp);
      if (last !== undefined) expect(heartbeat.sequence).toBe(last + 1);
      last = heartbeat.sequence;
    }
  });

  it('have the same incarnation id after a restart with the same keys', async () => {
    const ids = new Set<string>();
    for (let start = 0; start < 2; start++) {
      transport = await TransportUnderTest.start({ secrets, config: { heartbeat_interval: INTERVAL_MS } });
      const [, body] = await listen(transport.config.server_heartbeat_port).receive();
      ids.add((JSON.parse(String(body)) as { incarnation_id: string }).incarnation_id);
      subscriber?.close();
      await transport.close();
    }
    transport = undefined;
    expect(ids.size).toBe(1);
  });
});

describe('a server whose port', () => {
  let secrets: ServerSecrets;
  let occupant: Server;
  beforeAll(async () => {
    secrets = await testServerSecrets();
  });
  afterEach(async () => {
    occupant.close();
    await once(occupant, 'close');
  });

  it.each(['command_port', 'server_heartbeat_port'] as const)(
    '%s is in use reports the address, and closes the other port',
    async (setting) => {
      const config = await testServerConfig();
      occupant = createServer().listen(config[setting], '127.0.0.1');
      await once(occupant, 'listening');

      await expect(TransportUnderTest.start({ secrets, config })).rejects.toMatchObject({
        code: 'address_in_use',
        message: expect.stringContaining(`tcp://127.0.0.1:${config[setting]}`) as string,
      });
      const other = setting === 'command_port' ? config.server_heartbeat_port : config.command_port;
      await eventually(async () => {
        const probe = createServer().listen(other, '127.0.0.1');
        await once(probe, 'listening'); // rejects while the port is in use
        probe.close();
        await once(probe, 'close');
        return true;
      });
    },
  );

  it('has an address of another machine reports the address', async () => {
    occupant = createServer().listen(0, '127.0.0.1');
    await once(occupant, 'listening');
    const config = await testServerConfig({ zeromq_listen_address: 'tcp://192.0.2.1' });
    await expect(TransportUnderTest.start({ secrets, config })).rejects.toMatchObject({
      code: 'address_unusable',
      message: expect.stringContaining('tcp://192.0.2.1') as string,
    });
  });
});
