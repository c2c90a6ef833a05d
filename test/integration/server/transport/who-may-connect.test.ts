import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EventType } from 'zeromq';
import type { ServerSecrets } from '../../../../src/server/config/server-secrets.js';
import { CommandRouterSocket } from '../../../../src/shared/platform/zmq/command-router-socket.js';
import { ZapHandler } from '../../../../src/shared/platform/zmq/zap-handler.js';
import { createServerContext } from '../../../../src/shared/platform/zmq/zmq-context.js';
import { type CurveKeyPair, generateCurveKeyPair } from '../../../../src/shared/protocol/curve-key.js';
import { curveOptions, outcomeOf } from '../../../support/connection-outcome.js';
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

  const nothingCame = (): void => {
    expect(transport.received).toEqual([]);
    expect(transport.counts).toMatchObject({ received: 0, dropped: new Map() });
  };

  it('a node whose Curve key was named in a verified config request', async () => {
    const { curve } = await transport.admit('web1');
    expect(await outcomeOf(address, curveOptions(curve, transport.keys.curve.publicKey))).toBe('handshake');
    expect(transport.counts.refused).toBe(0);
  });

  it('nobody with a Curve key that no node named', async () => {
    const stranger = await generateCurveKeyPair();
    const outcome = await outcomeOf(address, curveOptions(stranger, transport.keys.curve.publicKey));

    expect(outcome).toBe('handshake:error:auth');
    expect(transport.counts.refused).toBe(1);
    nothingCame();
  });

  it('nobody with the public key of an admitted node but without its secret half', async () => {
    const { curve } = await transport.admit('web1');
    const thief = { publicKey: curve.publicKey, secretKey: (await generateCurveKeyPair()).secretKey };
    const outcome = await outcomeOf(address, curveOptions(thief, transport.keys.curve.publicKey));

    expect(outcome).not.toBe('handshake');
    nothingCame();
  });

  it('nobody who takes another server for this one', async () => {
    const { curve } = await transport.admit('web1');
    const { publicKey } = await generateCurveKeyPair();
    expect(await outcomeOf(address, curveOptions(curve, publicKey))).not.toBe('handshake');
    nothingCame();
  });

  it.each([
    ['without a security mechanism', {}],
    ['with a name and a password', { plainUsername: 'admin', plainPassword: 'admin' }],
  ])('nobody %s', async (_what, options) => {
    expect(await outcomeOf(address, options)).not.toBe('handshake');
    nothingCame();
  });

  it('a node again that was accepted before, while connections that never shake hands stand open', async () => {
    const idle: Socket[] = [];
    for (let opened = 0; opened < 300; opened++) {
      const socket = connect(transport.config.command_port, '127.0.0.1');
      await once(socket, 'connect');
      idle.push(socket);
    }
    try {
      const node = await transport.join('web1');
      await node.sendHeartbeat();
      await transport.receivedCount(1);
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
  const came: unknown[] = [];

  beforeAll(async () => {
    server = await generateCurveKeyPair();
    client = await generateCurveKeyPair();
  });
  beforeEach(() => {
    came.length = 0;
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  const listen = async (
    prepareZap: (zap: ZapHandler) => Promise<void>,
    accepts: () => boolean,
  ): Promise<string> => {
    const context = createServerContext(1);
    const fault = (thrown: unknown): void => void came.push(thrown);
    const zap = new ZapHandler({ context, domain: DOMAIN, accepts, fault });
    const socket = new CommandRouterSocket(
      { context, curveSecretKey: server.secretKey, zapDomain: DOMAIN, maxMessageSize: 1024 },
      { message: (frames) => void came.push(frames), fault },
    );
    stops.push(
      () => socket.close(),
      () => zap.close(),
    );
    await prepareZap(zap);
    return socket.listen('tcp://127.0.0.1:*');
  };
  const outcome = (address: string): Promise<EventType> =>
    outcomeOf(address, curveOptions(client, server.publicKey));

  it('answers lets a peer in', async () => {
    const address = await listen(
      (zap) => zap.listen(),
      () => true,
    );
    expect(await outcome(address)).toBe('handshake');
  });

  it('never listened refuses everybody', async () => {
    const address = await listen(
      () => Promise.resolve(),
      () => true,
    );
    expect(await outcome(address)).not.toBe('handshake');
    expect(came).toEqual([]);
  });

  it('has died refuses everybody', async () => {
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

  it('fails on a key refuses that key, and goes on', async () => {
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
