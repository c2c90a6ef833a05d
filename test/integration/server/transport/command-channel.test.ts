import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ServerSecrets } from '../../../../src/server/config/server-secrets.js';
import { eventually } from '../../../support/eventually.js';
import { testServerSecrets } from '../../../support/server-settings.js';
import { ACME, TransportUnderTest } from '../../../support/transport-under-test.js';

describe('the command channel', () => {
  let secrets: ServerSecrets;
  let transport: TransportUnderTest;

  beforeAll(async () => {
    secrets = await testServerSecrets();
  });
  beforeEach(async () => {
    transport = await TransportUnderTest.start({ secrets });
  });
  afterEach(() => transport.close());
  afterEach(() => void vi.restoreAllMocks());

  it('delivers messages of an admitted node, and marks the first on a connection', async () => {
    const node = await transport.join('web1');
    await node.sendHeartbeat();
    await node.sendJobMessage('aborted', null);

    await transport.waitForReceived(2);
    const address = { orgId: ACME.orgId, node: 'web1' };
    expect(transport.received).toMatchObject([
      { address, firstOnConnection: true, message: { type: 'heartbeat', sequence: 1, job_state: 'idle' } },
      { address, firstOnConnection: false, message: { type: 'aborted', sequence: 2, job_id: null } },
    ]);
    expect(transport.counts).toMatchObject({ received: 2, refused: 0 });
    expect(transport.counts.dropped.size).toBe(0);
  });

  it('sends commands that the node can verify, numbered from 1', async () => {
    const node = await transport.join('web1');
    await node.sendHeartbeat();
    const { address } = await transport.waitForReceived(1);

    transport.channel.send([address], { type: 'ack' });
    transport.channel.send([address], { type: 'run', job_id: 'b'.repeat(32) });

    expect(await node.expectCommand('ack')).toMatchObject({ sequence: 1 });
    expect(await node.expectCommand('run')).toMatchObject({ sequence: 2, job_id: 'b'.repeat(32) });
    expect(node.unreadable).toEqual([]);
  });

  it('uses the new connection of a node, and continues its sequence', async () => {
    const node = await transport.join('web1');
    await node.sendHeartbeat();
    const { address } = await transport.waitForReceived(1);
    transport.channel.send([address], { type: 'ack' });
    await node.expectCommand('ack');

    node.reconnect();
    await node.sendHeartbeat();
    expect(await transport.waitForReceived(2)).toMatchObject({
      firstOnConnection: true,
      message: { sequence: 1 },
    });
    transport.channel.send([address], { type: 'abort' });
    expect(await node.expectCommand('abort')).toMatchObject({ sequence: 2 });
  });

  it('sends over the connection of the last message if a node has two', async () => {
    const first = await transport.join('web1');
    await first.sendHeartbeat();
    const { address } = await transport.waitForReceived(1);
    const second = await transport.join('web1');
    await second.sendHeartbeat();
    await transport.waitForReceived(2);

    transport.channel.send([address], { type: 'ack' });
    await second.expectCommand('ack');
    await first.sendHeartbeat();
    expect(await transport.waitForReceived(3)).toMatchObject({ firstOnConnection: true });
    transport.channel.send([address], { type: 'abort' });
    await first.expectCommand('abort');
    expect(second.commands).toHaveLength(1);
  });

  it('keeps the connection of a node if another node requests the same identity', async () => {
    const node = await transport.join('web1', { routingId: 'the-same' });
    await node.sendHeartbeat();
    const { address } = await transport.waitForReceived(1);
    const intruder = await transport.join('web2', { routingId: 'the-same' });
    const handshake = intruder.connectionEvent('handshake');
    await intruder.sendHeartbeat();
    await handshake;

    transport.channel.send([address], { type: 'ack' });
    await node.expectCommand('ack');
    await node.sendHeartbeat();
    expect(await transport.waitForReceived(2)).toMatchObject({ address, firstOnConnection: false });
    expect(intruder.unreadable).toEqual([]);
  });

  it('sends one command to many nodes, with a sequence for each, and to no others', async () => {
    const nodes = await Promise.all(Array.from({ length: 40 }, (_, index) => transport.join(`web${index}`)));
    for (const node of nodes) await node.sendHeartbeat();
    await transport.waitForReceived(40);
    const addresses = transport.received.map(({ address }) => address);
    const absent = { ...ACME, node: 'never-connected' };
    const sentAt = Date.now();
    transport.channel.send([addresses[0]!], { type: 'ack' });

    const commit = {
      type: 'commit',
      job_id: 'b'.repeat(32),
      command: 'chef-client "ö" \u0000',
      env: { PATH: '/bin' },
      file: 'base64:AAAA',
      capture: true,
    } as const;
    transport.channel.send([absent, ...addresses.slice(0, 39)], commit);
    transport.channel.send(addresses, { type: 'abort' });

    const first = nodes.find((_node, index) => `web${index}` === addresses[0]?.node)!;
    const left = nodes.find((_node, index) => `web${index}` === addresses[39]?.node)!;
    await first.expectCommand('ack');
    for (const node of nodes) {
      if (node !== left) {
        const { sequence, timestamp, ...sent } = await node.expectCommand('commit');
        expect(sent).toEqual(commit);
        expect(sequence).toBe(node === first ? 2 : 1);
        expect(Date.parse(timestamp)).toBeGreaterThan(sentAt - 1_000); // whole seconds
        expect(Date.parse(timestamp)).toBeLessThanOrEqual(Date.now());
      }
      await node.expectCommand('abort');
    }
    expect(transport.counts.unsent).toBe(1);
    expect(nodes.every((node) => node.unreadable.length === 0)).toBe(true);
  });

  it('counts messages to a disconnected node as unsent', async () => {
    const node = await transport.join('web1');
    await node.sendHeartbeat();
    const { address } = await transport.waitForReceived(1);
    node.close();

    await eventually(() => {
      transport.channel.send([address], { type: 'ack' });
      return transport.counts.unsent > 0;
    });
  });

  it('is not blocked by a node that reads nothing', async () => {
    const { session, curve } = await transport.admit('deaf');
    const deaf = transport.connect({ node: 'deaf', curve, sessionKey: session.key, readsNothing: true });
    await deaf.sendHeartbeat();
    const other = await transport.join('web1');
    await other.sendHeartbeat();
    await transport.waitForReceived(2);
    const large = { type: 'commit', job_id: 'b'.repeat(32), command: 'x'.repeat(200_000) } as const;

    await eventually(() => {
      transport.channel.send(Array(50).fill(session.address), large);
      return transport.counts.unsent > 0;
    });
    transport.channel.send([{ orgId: ACME.orgId, node: 'web1' }], { type: 'ack' });
    await other.expectCommand('ack');
  });

  it('requires a new session key as soon as the node has got it', async () => {
    const node = await transport.join('web1');
    await node.sendHeartbeat();
    const { address } = await transport.waitForReceived(1);
    const otherRsaKey = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
    const session = await transport.sessions.admit(
      { ...ACME, node: 'web1' },
      transport.keys.curve.publicKey,
      otherRsaKey,
    );
    await node.sendHeartbeat();
    await transport.waitForDropped('bad_signature');
    expect(transport.dropped).toEqual([{ address, reason: 'bad_signature' }]);

    node.sessionKey = session.key;
    await node.sendHeartbeat();
    await transport.waitForReceived(2);
    transport.channel.send([address], { type: 'ack' });
    await node.expectCommand('ack');
  });

  it('drops messages of a node whose organization was replaced by another with the same name', async () => {
    const node = await transport.join('web1');
    await node.sendHeartbeat();
    await transport.waitForReceived(1);
    const replacement = await transport.admit('web2', { orgName: 'acme', orgId: 'f'.repeat(32) });
    await node.sendHeartbeat();
    await transport.waitForDropped('unknown_node');

    const successor = transport.connect({
      node: 'web2',
      curve: replacement.curve,
      sessionKey: replacement.session.key,
    });
    await successor.sendHeartbeat();
    expect(await transport.waitForReceived(2)).toMatchObject({
      address: { orgId: 'f'.repeat(32), node: 'web2' },
    });
  });

  it('continues to read if its handler throws', async () => {
    let calls = 0;
    transport.channel.setHandler({
      received: () => {
        calls += 1;
        throw new Error('a bug');
      },
      dropped: () => undefined,
    });
    const node = await transport.join('web1');
    await node.sendHeartbeat();
    await node.sendHeartbeat();
    await eventually(() => calls === 2);
  });

  it('drops messages of a node whose config is too old, unless it is busy', async () => {
    const [idle, busy] = [await transport.join('idle'), await transport.join('busy')];
    transport.sessions.registerBusyCheck(({ node }) => node === 'busy');
    await Promise.all([idle.sendHeartbeat(), busy.sendHeartbeat()]);
    await transport.waitForReceived(2);
    const twoLifetimesOn = Date.now() + 2 * transport.config.config_lifetime * 1000;
    vi.spyOn(Date, 'now').mockReturnValue(twoLifetimesOn);
    await idle.sendHeartbeat();
    await transport.waitForDropped('config_too_old');
    await busy.sendHeartbeat();
    expect((await transport.waitForReceived(3)).address.node).toBe('busy');
    expect(transport.dropped).toMatchObject([{ address: { node: 'idle' }, reason: 'config_too_old' }]);
  });
});

describe('the command channel without a handler', () => {
  it('drops everything and binds nothing', async () => {
    const transport = await TransportUnderTest.start({
      secrets: await testServerSecrets(),
      withoutHandler: true,
    });
    try {
      const node = await transport.join('web1');
      const handshake = node.connectionEvent('handshake');
      await node.sendHeartbeat();
      await handshake;
      transport.channel.send([{ orgId: ACME.orgId, node: 'web1' }], { type: 'ack' });
      expect(transport.counts).toMatchObject({ received: 0, unsent: 1, dropped: new Map() });
    } finally {
      await transport.close();
    }
  });
});
