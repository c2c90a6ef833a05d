import { generateKeyPairSync } from 'node:crypto';
import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigModule } from '../../../../src/server/config/config.module.js';
import type { ServerConfig } from '../../../../src/server/config/server-config.js';
import type { ServerSecrets } from '../../../../src/server/config/server-secrets.js';
import { ServerKeys, Sessions } from '../../../../src/server/keys/keys.port.js';
import { PersistenceModule } from '../../../../src/server/persistence/persistence.module.js';
import { createLogger } from '../../../../src/shared/platform/logger.js';
import { generateCurveKeyPair } from '../../../../src/shared/protocol/curve-key.js';
import { TransportModule } from '../../../../src/server/transport/transport.module.js';
import { CommandChannel, type ReceivedMessage } from '../../../../src/server/transport/transport.port.js';
import { createTestDatabase, type TestDatabase } from '../../../support/database.js';
import { eventually } from '../../../support/eventually.js';
import { testServerConfig, testServerSecrets } from '../../../support/server-settings.js';
import { SimulatedNode } from '../../../support/simulated-node.js';

const WEB1 = { orgName: 'acme', orgId: 'a'.repeat(32), node: 'web1' };

describe('a server that restarts with its database', () => {
  const nodeKey = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  let database: TestDatabase;
  let config: ServerConfig;
  let secrets: ServerSecrets;
  let app: INestApplicationContext | undefined;
  let node: SimulatedNode | undefined;
  const received: ReceivedMessage[] = [];

  const start = async (): Promise<INestApplicationContext> => {
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.with(config, secrets, createLogger({ level: 'fatal' })),
        PersistenceModule,
        TransportModule,
      ],
    }).compile();
    module.get(CommandChannel).setHandler({
      received: (message) => void received.push(message),
      dropped: () => undefined,
    });
    received.length = 0;
    return module.init();
  };

  beforeEach(async () => {
    database = await createTestDatabase();
    config = await testServerConfig({ database: database.config });
    secrets = { ...(await testServerSecrets()), sql_password: database.password };
  });
  afterEach(async () => {
    node?.close();
    await app?.close();
    await database.drop();
  });

  it('accepts messages of a node that has not fetched its config again', async () => {
    app = await start();
    const keys = app.get(ServerKeys);
    const curve = await generateCurveKeyPair();
    const session = await app.get(Sessions).admit(WEB1, curve.publicKey, nodeKey);
    node = new SimulatedNode({
      org: 'acme',
      node: 'web1',
      sessionKey: session.key,
      curve,
      serverCurveKey: keys.curve.publicKey,
      commandAddress: `tcp://127.0.0.1:${config.command_port}`,
    });
    await node.sendHeartbeat();
    await eventually(() => received.length === 1);

    await app.close();
    app = await start();
    await node.sendHeartbeat(); // over the connection that ZeroMQ re-established
    const [message] = await eventually(() => received.length === 1 && received);
    expect(message).toMatchObject({
      address: session.address,
      firstOnConnection: true,
      message: { sequence: 2 },
    });
    app.get(CommandChannel).send([session.address], { type: 'ack' });
    await node.expectCommand('ack');
    expect(app.get(ServerKeys).incarnationId).toBe(keys.incarnationId);
  });

  it('stores session keys encrypted', async () => {
    app = await start();
    const curve = await generateCurveKeyPair();
    const { key } = await app.get(Sessions).admit(WEB1, curve.publicKey, nodeKey);

    const [row] = await database.sql('SELECT node_sessions::text AS everything FROM node_sessions');
    expect(String(row?.everything)).toContain('web1');
    expect(String(row?.everything)).not.toContain(key.toString('hex'));
  });
});
