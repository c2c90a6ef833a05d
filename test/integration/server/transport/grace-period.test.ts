import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Subscriber } from 'zeromq';
import type { ServerConfig } from '../../../../src/server/config/server-config.js';
import type { ServerSecrets } from '../../../../src/server/config/server-secrets.js';
import { generateCurveKeyPair } from '../../../../src/shared/protocol/curve-key.js';
import { GREETING_BYTES, serverGreeting } from '../../../../src/shared/protocol/curve-hello.js';
import { parseHeader } from '../../../../src/shared/protocol/frame-header.js';
import { verifyRsa } from '../../../../src/shared/protocol/frame-signature.js';
import { eventually } from '../../../support/eventually.js';
import { connectionOutcome, curveOptions } from '../../../support/connection-outcome.js';
import { rotateSecrets } from '../../../support/rotate-secrets.js';
import { testServerSecrets } from '../../../support/server-settings.js';
import type { SimulatedNode } from '../../../support/simulated-node.js';
import { ACME, TransportUnderTest } from '../../../support/transport-under-test.js';

const LONG_MS = 3_600_000;
const RUN = { type: 'run', job_id: 'b'.repeat(32) } as const;

let before: ServerSecrets;
let transport: TransportUnderTest;
let previousCurveKey: string;
let commandAddress: string;

/** Starts the server after a rotation with a grace period that ends in `graceMs`. */
const start = async (graceMs: number, config: Partial<ServerConfig> = {}): Promise<void> => {
  transport = await TransportUnderTest.start({ secrets: await rotateSecrets(before, graceMs), config });
  previousCurveKey = transport.keys.previous!.curve.publicKey;
  commandAddress = `tcp://127.0.0.1:${transport.config.command_port}`;
};

/** Connects a node whose config is from before the rotation. */
const joinByPreviousKey = (node: string, routingId?: string): Promise<SimulatedNode> =>
  transport.join(node, {
    serverCurveKey: previousCurveKey,
    ...(routingId === undefined ? {} : { routingId }),
  });

const addressOf = (node: string) => ({ orgId: ACME.orgId, node });

beforeAll(async () => {
  before = await testServerSecrets();
});
afterEach(() => transport.close());

describe('the command channel during a grace period', () => {
  beforeEach(() => start(LONG_MS));

  it('accepts nodes with either key, and exchanges messages with both', async () => {
    const [current, old] = [await transport.join('current'), await joinByPreviousKey('old')];
    await current.sendHeartbeat();
    await old.sendHeartbeat();
    await transport.waitForReceived(2);
    expect(transport.counts).toMatchObject({ previousKeyConnections: 1, refused: 0 });

    transport.channel.send([addressOf('current'), addressOf('old')], RUN);
    expect(await current.expectCommand('run')).toMatchObject(RUN);
    expect(await old.expectCommand('run')).toMatchObject(RUN);
    await old.sendJobMessage('ack_run', RUN.job_id);
    expect(await transport.waitForReceived(3)).toMatchObject({
      address: addressOf('old'),
      firstOnConnection: false,
    });

    old.close();
    await eventually(() => transport.counts.previousKeyConnections === 0);
  });

  it('uses the new connection of a node that changes to the current key', async () => {
    const { session, curve } = await transport.admit('web1');
    const node = { node: 'web1', curve, sessionKey: session.key };
    const old = transport.connect({ ...node, serverCurveKey: previousCurveKey });
    await old.sendHeartbeat();
    await transport.waitForReceived(1);
    const moved = transport.connect(node);
    await moved.sendHeartbeat();
    expect(await transport.waitForReceived(2)).toMatchObject({ firstOnConnection: true });
    transport.channel.send([addressOf('web1')], RUN);
    await moved.expectCommand('run');
    expect(old.commands).toEqual([]);
  });

  it('distinguishes two nodes that request the same identity with different keys', async () => {
    const nodes = [
      await transport.join('current', { routingId: 'the-same' }),
      await joinByPreviousKey('old', 'the-same'),
    ];
    for (const node of nodes) await node.sendHeartbeat();
    await transport.waitForReceived(2);
    transport.channel.send([addressOf('current'), addressOf('old')], RUN);
    for (const node of nodes) await node.expectCommand('run');
    expect(nodes.flatMap(({ unreadable }) => unreadable)).toEqual([]);
  });

  it('refuses a Curve key that no node registered, with either server key', async () => {
    const stranger = await generateCurveKeyPair();
    for (const key of [transport.keys.curve.publicKey, previousCurveKey]) {
      expect(await connectionOutcome(commandAddress, curveOptions(stranger, key))).toBe(
        'handshake:error:auth',
      );
    }
    expect(transport.counts.refused).toBe(2);
  });

  it('refuses connections with a third server key, or without Curve', async () => {
    const { curve } = await transport.admit('web1');
    const { publicKey: third } = await generateCurveKeyPair();
    expect(await connectionOutcome(commandAddress, curveOptions(curve, third))).not.toBe('handshake');
    await eventually(() => transport.counts.refused > 0);
    for (const options of [{}, { plainUsername: 'admin', plainPassword: 'admin' }]) {
      expect(await connectionOutcome(commandAddress, options)).not.toBe('handshake');
    }
    expect(transport.received).toEqual([]);
  });

  it('sends the same greeting as ZeroMQ itself', async () => {
    const plain = await TransportUnderTest.start({ secrets: before });
    try {
      const socket = connect(plain.config.command_port, '127.0.0.1');
      socket.write(serverGreeting());
      let greeting = Buffer.alloc(0);
      while (greeting.length < GREETING_BYTES) {
        const [chunk] = (await once(socket, 'data')) as [Buffer];
        greeting = Buffer.concat([greeting, chunk]);
      }
      socket.destroy();
      expect(greeting).toEqual(serverGreeting());
    } finally {
      await plain.close();
    }
  });
});

describe('a large message during a grace period', () => {
  it('is delivered completely in both directions', async () => {
    await start(LONG_MS, { max_body_size: 4 * 1024 * 1024 });
    const old = await joinByPreviousKey('old');
    const text = 'x'.repeat(1024 * 1024);
    await old.sendJobMessage('succeeded', RUN.job_id, { stdout: text });
    expect(await transport.waitForReceived(1)).toMatchObject({ message: { stdout: text } });
    transport.channel.send([addressOf('old')], { type: 'commit', job_id: RUN.job_id, command: text });
    expect(await old.expectCommand('commit')).toMatchObject({ command: text });
  });
});

describe('after the grace period', () => {
  it('closes connections with the previous key, and keeps those with the current one', async () => {
    await start(1_500);
    const [current, old] = [await transport.join('current'), await joinByPreviousKey('old')];
    await current.sendHeartbeat();
    await old.sendHeartbeat();
    await transport.waitForReceived(2);

    await old.connectionEvent('disconnect');
    expect(transport.counts.previousKeyConnections).toBe(0);
    const { curve } = await transport.admit('late');
    expect(await connectionOutcome(commandAddress, curveOptions(curve, previousCurveKey))).not.toBe(
      'handshake',
    );
    expect(await connectionOutcome(commandAddress, curveOptions(curve, transport.keys.curve.publicKey))).toBe(
      'handshake',
    );
    transport.channel.send([addressOf('current'), addressOf('old')], RUN);
    await current.expectCommand('run');
    await current.sendHeartbeat();
    expect(await transport.waitForReceived(3)).toMatchObject({ firstOnConnection: false });
    expect(old.commands).toEqual([]);
  });
});

describe('the heartbeats of the server during a grace period', () => {
  it('are sent with both keys, at the end with the new incarnation id for both', async () => {
    await start(2_000, { heartbeat_interval: 100 });
    const { keys } = transport;
    const subscriber = new Subscriber({ linger: 0, receiveTimeout: 5_000 });
    try {
      subscriber.subscribe('');
      subscriber.connect(`tcp://127.0.0.1:${transport.config.server_heartbeat_port}`);
      const previousIds: string[] = [];
      const previousKey = createPublicKey(keys.previous!.rsaPublicKeyPem);
      const ownKey = createPublicKey(keys.rsaPublicKeyPem);
      let ownInARow = 0;
      while (ownInARow < 3) {
        const [header, body] = await subscriber.receive();
        const parsed = parseHeader(header!);
        if (!parsed.ok) throw new Error(parsed.error);
        const { incarnation_id: id } = JSON.parse(String(body)) as { incarnation_id: string };
        if (verifyRsa(ownKey, body!, parsed.value.signature)) {
          expect(id).toBe(keys.incarnationId);
          ownInARow++;
        } else {
          expect(verifyRsa(previousKey, body!, parsed.value.signature)).toBe(true);
          previousIds.push(id);
          ownInARow = 0;
        }
      }
      const change = previousIds.indexOf(keys.incarnationId);
      expect(new Set(previousIds.slice(0, change))).toEqual(new Set([keys.previous!.incarnationId]));
      expect(new Set(previousIds.slice(change))).toEqual(new Set([keys.incarnationId]));
      expect(previousIds.length - change).toBeGreaterThanOrEqual(4);
    } finally {
      subscriber.close();
    }
  });
});
