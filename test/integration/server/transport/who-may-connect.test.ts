import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EventType } from 'zeromq';
import type { ServerSecrets } from '../../../../src/server/config/server-secrets.js';
import { CommandRouterSocket } from '../../../../src/shared/platform/zmq/command-router-socket.js';
import { ZapHandler } from '../../../../src/shared/platform/zmq/zap-handler.js';
import { createServerContext } from '../../../../src/shared/platform/zmq/zmq-context.js';
import { type CurveKeyPair, generateCurveKeyPair } from '../../../../src/shared/protocol/curve-key.js';
import { curveOptions, connectionOutcome } from '../../../support/connection-outcome.js';
import { eventually } from '../../../support/eventually.js';
import { testServerSecrets } from '../../../support/server-settings.js';
import { TransportUnderTest } from '../../../support/transport-under-test.js';

describe('who may connect to the command channel', () => {
  let secrets: ServerSecrets;
  let transport: TransportUnderTest;
  let address: string;

  beforeAll(async () => {
    secrets = await testServerSecrets();
  });
  beforeEach(async () => {
    transport = await TransportUnderTest.start({ secrets });
    address = `tcp://127.0.0.1:${transport.config.command_port}`;
  });
  afterEach(() => transport.close());

  const expectNoFrames = (): void => {
    expect(transport.received).toEqual([]);
    expect(transport.counts).toMatchObject({ received: 0, dropped: new Map() });
  };

  it('a node whose Curve key was registered by a verified config request', async () => {
    const { curve } = await transport.admit('web1');
    expect(await connectionOutcome(address, curveOptions(curve, transport.keys.curve.publicKey))).toBe(
      'handshake',
    );
    expect(transport.counts.refused).toBe(0);
  });

  it('nobody with a Curve key that no node registered', async () => {
    const stranger = await generateCurveKeyPair();
    const outcome = await connectionOutcome(address, curveOptions(stranger, transport.keys.curve.publicKey));

    expect(outcome).toBe('handshake:error:auth');
    expect(transport.counts.refused).toBe(1);
    expectNoFrames();
  });

  it('nobody with the public key of an admitted node but another secret key', async () => {
    const { curve } = await transport.admit('web1');
    const keyPair = { publicKey: curve.publicKey, secretKey: (await generateCurveKeyPair()).secretKey };
    const outcome = await connectionOutcome(address, curveOptions(keyPair, transport.keys.curve.publicKey));

    expect(outcome).not.toBe('handshake');
    expectNoFrames();
  });

  it('nobody who uses the key of another server', async () => {
    const { curve } = await transport.admit('web1');
    const { publicKey } = await generateCurveKeyPair();
    expect(await connectionOutcome(address, curveOptions(curve, publicKey))).not.toBe('handshake');
    expectNoFrames();
  });

  it.each([
    ['without a security mechanism', {}],
    ['with a name and a password', { plainUsername: 'admin', plainPassword: 'admin' }],
  ])('nobody %s', async (_what, options) => {
    expect(await connectionOutcome(address, options)).not.toBe('handshake');
    expectNoFrames();
  });

  it('a node, while many connections that never do a handshake are open', async () => {
    const idle: Socket[] = [];
    for (let opened = 0; opened < 300; opened++) {
      const socket = connect(transport.config.command_port, '127.0.0.1');
      await once(socket, 'connect');
      idle.push(socket);
    }
    try {
      const node = await transport.join('web1');
      await node.sendHeartbeat();
      await transport.waitForReceived(1);
    } finally {
      for (const socket of idle) socket.destroy();
      await eventually(() => idle.every((socket) => socket.closed));
    }
  });
});

describe('a command router socket whose ZAP handler', () => {
  const DOMAIN = 'push-jobs';
  const stops: (() => Promise<void>)[] = [];
  let server: CurveKeyPair;
  let client: CurveKeyPair;
  const events: unknown[] = [];

  beforeAll(async () => {
    server = await generateCurveKeyPair();
    client = await generateCurveKeyPair();
  });
  beforeEach(() => {
    events.length = 0;
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  const listen = async (
    prepareZap: (zap: ZapHandler) => Promise<void>,
    accepts: () => boolean,
  ): Promise<string> => {
    const context = createServerContext(1);
    const fault = (thrown: unknown): void => void events.push(thrown);
    const zap = new ZapHandler({ context, domain: DOMAIN, accepts, fault });
    const socket = new CommandRouterSocket(
      { context, curveSecretKey: server.secretKey, zapDomain: DOMAIN, maxMessageSize: 1024 },
      { message: (frames) => void events.push(frames), fault },
    );
    stops.push(
      () => socket.close(),
      () => zap.close(),
    );
    await prepareZap(zap);
    return socket.listen('tcp://127.0.0.1:*');
  };
  const outcome = (address: string): Promise<EventType> =>
    connectionOutcome(address, curveOptions(client, server.publicKey));

  it('accepts lets a peer in', async () => {
    const address = await listen(
      (zap) => zap.listen(),
      () => true,
    );
    expect(await outcome(address)).toBe('handshake');
  });

  it('never listened refuses every peer', async () => {
    const address = await listen(
      () => Promise.resolve(),
      () => true,
    );
    expect(await outcome(address)).not.toBe('handshake');
    expect(events).toEqual([]);
  });

  it('was closed refuses every peer', async () => {
    let zap: ZapHandler | undefined;
    const address = await listen(
      async (handler) => {
        zap = handler;
        await handler.listen();
      },
      () => true,
    );
    expect(await outcome(address)).toBe('handshake');
    await zap?.close();

    expect(await outcome(address)).not.toBe('handshake');
  });

  it('throws for a key refuses that peer, and accepts later ones', async () => {
    let isBroken = true;
    const address = await listen(
      (zap) => zap.listen(),
      () => {
        if (isBroken) throw new Error('the sessions are gone');
        return true;
      },
    );
    expect(await outcome(address)).not.toBe('handshake');
    isBroken = false;
    expect(await outcome(address)).toBe('handshake');
  });
});
