import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ServerSecrets } from '../../../src/config/server-secrets.js';
import { testServerSecrets } from '../../support/server-settings.js';
import { ACME, TransportUnderTest } from '../../support/transport-under-test.js';

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

  it('hands on what an admitted node sends, and says which message is the first of its connection', async () => {
    const node = await transport.join('web1');
    await node.sendHeartbeat();
    await node.sendJobMessage('aborted', null);

    await transport.receivedCount(2);
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
    const { address } = await transport.receivedCount(1);

    transport.channel.send([address], { type: 'ack' });
    transport.channel.send([address], { type: 'run', job_id: 'b'.repeat(32) });

    expect(await node.expectCommand('ack')).toMatchObject({ sequence: 1 });
    expect(await node.expectCommand('run')).toMatchObject({ sequence: 2, job_id: 'b'.repeat(32) });
    expect(node.unreadable).toEqual([]);
  });
});
