import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatHeader } from '../../../../src/shared/protocol/frame-header.js';
import { signHmac } from '../../../../src/shared/protocol/frame-signature.js';
import { formatRfc1123 } from '../../../../src/shared/protocol/wire-time.js';
import type { DropReason } from '../../../../src/server/transport/transport.port.js';
import { testServerSecrets } from '../../../support/server-settings.js';
import type { SimulatedNode } from '../../../support/simulated-node.js';
import { ACME, TransportUnderTest } from '../../../support/transport-under-test.js';

const HEARTBEAT = { type: 'heartbeat', job_state: 'idle', job_id: null };
const MINUTE_MS = 60_000;

/** What a test sends, and the expected reason of the drop. */
type Attempt = readonly [what: string, reason: DropReason, send: (node: SimulatedNode) => Promise<void>];

const unsigned = (header: string): ((node: SimulatedNode) => Promise<void>) => {
  return (node) => node.sendFrames(header, JSON.stringify(node.message(HEARTBEAT)));
};
const saying = (fields: object): ((node: SimulatedNode) => Promise<void>) => {
  return (node) => node.send({ ...HEARTBEAT, ...fields });
};
const body = (bytes: string | Buffer): ((node: SimulatedNode) => Promise<void>) => {
  return (node) => node.sendBody(bytes);
};

const headerOf = (bytes: number): string =>
  formatHeader('hmac_sha256', 'A'.repeat(bytes - formatHeader('hmac_sha256', '').length));

/** Dropped on any connection. */
const ALWAYS: Attempt[] = [
  ['one frame', 'frame_count', (node) => node.sendFrames('alone')],
  ['an empty frame', 'frame_count', (node) => node.sendFrames('')],
  ['three frames', 'frame_count', (node) => node.sendFrames('one', 'two', 'three')],
  ['a hundred frames', 'frame_count', (node) => node.sendFrames(...Array<string>(100).fill('frame'))],
  ['two empty frames', 'header_malformed', (node) => node.sendFrames('', '')],
  ['a header of 2,049 bytes', 'header_too_long', unsigned(headerOf(2_049))],
  ['a header without semicolons', 'header_malformed', unsigned('Version:2.0 SigningMethod:hmac_sha256')],
  ['a header without colons', 'header_malformed', unsigned('Version=2.0;SigningMethod=hmac_sha256')],
  [
    'a header part that comes twice',
    'header_malformed',
    unsigned(`${formatHeader('hmac_sha256', 'AAAA')};Version:2.0`),
  ],
  ['a signature that is not base64', 'header_malformed', unsigned(formatHeader('hmac_sha256', '*'))],
  ['an unknown version', 'header_version', unsigned('Version:3.0;SigningMethod:hmac_sha256;Signature:AAAA')],
  ['version 1.0', 'header_version', unsigned('Version:1.0;SigningMethod:rsa2048_sha1;Signature:AAAA')],
  ['an unknown method', 'header_method', unsigned('Version:2.0;SigningMethod:none;Signature:AAAA')],
  [
    "the server's own method",
    'header_method',
    unsigned('Version:2.0;SigningMethod:rsa2048_sha1;Signature:AAAA'),
  ],
  ['a body of 65,537 bytes', 'body_too_long', body(Buffer.alloc(65_537, ' '))],
  ['a truncated MAC', 'bad_signature', unsigned(formatHeader('hmac_sha256', 'AAAA'))],
];

/** Dropped after the signature is verified. */
const SIGNED: Attempt[] = [
  ['a body that is not of any type', 'body_malformed', saying({ type: 'constructor' })],
  ['a server message', 'body_malformed', saying({ type: 'commit', command: 'id' })],
  ['an unknown job state', 'body_malformed', saying({ job_state: 'bored' })],
  ['a sequence that is text', 'body_malformed', saying({ sequence: '1' })],
  ['a timestamp that is not a date', 'body_malformed', saying({ timestamp: 'yesterday' })],
  [
    'a clock five minutes slow',
    'clock_skew',
    saying({ timestamp: formatRfc1123(Date.now() - 5 * MINUTE_MS) }),
  ],
  // A timestamp has no fraction of a second, so exactly five minutes could be too few.
  [
    'a clock five minutes fast',
    'clock_skew',
    saying({ timestamp: formatRfc1123(Date.now() + 6 * MINUTE_MS) }),
  ],
];

/** Dropped from an unknown sender. */
const ANONYMOUS: Attempt[] = [
  ['an empty body', 'body_not_json', body('')],
  ['half an object', 'body_not_json', body('{"node":"web1"')],
  ['bytes that are not UTF-8', 'body_not_json', body(Buffer.from([0x22, 0xff, 0x22]))],
  ['JSON that is not an object', 'body_malformed', body('[]')],
  ['an object without names', 'body_malformed', body('{}')],
  ['an unknown node', 'unknown_node', saying({ node: 'nobody' })],
  ['an unknown organization', 'unknown_node', saying({ org: 'nowhere' })],
];

/** Dropped on a connection that is bound to a node. */
const BOUND: Attempt[] = [
  ['a signed body that is not JSON', 'body_not_json', body('hello')],
  ['a signed list', 'body_malformed', body('[]')],
  ["another node's name", 'wrong_node', saying({ node: 'web2' })],
  ["another organization's name", 'wrong_node', saying({ org: 'other' })],
  ['a repeated sequence', 'replayed', saying({ sequence: 1 })],
  ['an earlier sequence', 'replayed', saying({ sequence: 0 })],
];

describe('the command channel drops', () => {
  let transport: TransportUnderTest;
  let node: SimulatedNode;
  let name = '';
  let count = 0;

  beforeAll(async () => {
    transport = await TransportUnderTest.start({ secrets: await testServerSecrets() });
    await transport.admit('web2');
    await transport.sessions.admit(
      { orgName: 'other', orgId: 'b'.repeat(32), node: 'web1' },
      transport.keys.curve.publicKey,
      transport.nodeKey,
    );
  });
  afterAll(() => transport.close());
  beforeEach(async () => {
    name = `node${++count}`;
    node = await transport.join(name);
    transport.received.length = 0;
    transport.dropped.length = 0;
  });

  const dropsOf = (reason: DropReason): number => transport.counts.dropped.get(reason) ?? 0;

  const expectDropped = async ([, reason, send]: Attempt): Promise<void> => {
    const before = dropsOf(reason);
    const total = [...transport.counts.dropped.values()].reduce((sum, each) => sum + each, 0);
    await send(node);
    await transport.waitForDropped(reason, before + 1);
    expect([...transport.counts.dropped.values()].reduce((sum, each) => sum + each, 0)).toBe(total + 1);
  };

  describe('on a connection without a verified message', () => {
    it.each([...ALWAYS, ...SIGNED, ...ANONYMOUS])('%s: %s', async (...attempt) => {
      await expectDropped(attempt);

      expect(transport.received).toEqual([]);
      transport.channel.send([{ orgId: ACME.orgId, node: name }], { type: 'ack' });
      node.nextSequence = 1;
      await node.sendHeartbeat();
      expect(await transport.waitForReceived(1)).toMatchObject({
        firstOnConnection: true,
        message: { sequence: 1 },
      });
      expect(node.commands).toEqual([]); // the dropped frame did not bind the connection
    });

    it.each(ANONYMOUS)('without notifying the handler: %s: %s', async (...attempt) => {
      await expectDropped(attempt);
      expect(transport.dropped).toEqual([]);
    });

    it('a message in the name of another node without effect on that node', async () => {
      const other = await transport.join('other');
      await expectDropped(['', 'bad_signature', () => other.send({ ...HEARTBEAT, node: name })]);
      expect(transport.dropped).toEqual([]);

      transport.channel.send([{ orgId: ACME.orgId, node: name }], { type: 'ack' });
      await node.sendHeartbeat();
      expect((await transport.waitForReceived(1)).firstOnConnection).toBe(true);
      expect([...node.commands, ...other.commands]).toEqual([]);
    });
  });

  describe('on the connection of a node', () => {
    beforeEach(async () => {
      await node.sendHeartbeat();
      await transport.waitForReceived(1);
    });

    it.each([...ALWAYS, ...SIGNED, ...BOUND])('%s: %s', async (...attempt) => {
      await expectDropped(attempt);

      expect(transport.dropped).toEqual([{ address: { orgId: ACME.orgId, node: name }, reason: attempt[1] }]);
      node.nextSequence = 2;
      await node.sendHeartbeat();
      expect(await transport.waitForReceived(2)).toMatchObject({ firstOnConnection: false });
    });

    it('a message signed with another key: bad_signature', async () => {
      const forged = JSON.stringify(node.message(HEARTBEAT));
      await expectDropped([
        'forged',
        'bad_signature',
        () => node.sendFrames(formatHeader('hmac_sha256', signHmac(randomBytes(32), forged)), forged),
      ]);
    });

    it('a repeated message, and one that arrives late', async () => {
      const frames = (): [string, string] => {
        const text = JSON.stringify(node.message(HEARTBEAT));
        return [formatHeader('hmac_sha256', signHmac(node.sessionKey, text)), text];
      };
      const [second, third] = [frames(), frames()];
      const before = dropsOf('replayed');
      await node.sendFrames(...third);
      await node.sendFrames(...third);
      await node.sendFrames(...second);
      await transport.waitForDropped('replayed', before + 2);
      expect(transport.received.map(({ message }) => message.sequence)).toEqual([1, 3]);
    });
  });

  it('a connection that sends a frame of 100 MB, and serves the others', async () => {
    const other = await transport.join(`${name}-neighbour`);
    await node.sendHeartbeat();
    await transport.waitForReceived(1);
    const cutOff = node.connectionEvent('disconnect');
    await node.sendFrames('header', Buffer.alloc(100 * 1024 * 1024));
    await cutOff;

    await other.sendHeartbeat();
    expect(await transport.waitForReceived(2)).toMatchObject({ address: { node: `${name}-neighbour` } });
  });

  it('a flood of random frames, and serves the others', async () => {
    const other = await transport.join(`${name}-neighbour`);
    for (let sent = 0; sent < 5_000; sent++) await node.sendFrames(randomBytes(20), randomBytes(200));
    await other.sendHeartbeat();
    expect(await transport.waitForReceived(1)).toMatchObject({ address: { node: `${name}-neighbour` } });
  });
});
