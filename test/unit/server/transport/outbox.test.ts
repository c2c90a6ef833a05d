import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { NodeAddress } from '../../../../src/shared/protocol/node-address.js';
import { Outbox } from '../../../../src/server/transport/outbox.js';
import { eventually } from '../../../support/eventually.js';

const nodes = (count: number): NodeAddress[] =>
  Array.from({ length: count }, (_, index) => ({ orgId: 'a'.repeat(32), node: `web${index}` }));

/** Blocks the thread, as signing a large message does. */
const block = (ms: number): void => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

const recordingOutbox = (costMs = 0) => {
  const delivered: string[] = [];
  const outbox = new Outbox(({ node }, commonPart) => {
    block(costMs);
    delivered.push(`${node} {${commonPart.toString()}`);
  });
  return { delivered, outbox };
};

describe('Outbox', () => {
  it('sends a few messages immediately, in order', () => {
    const { delivered, outbox } = recordingOutbox();
    outbox.enqueue(nodes(2), { type: 'ack' });
    outbox.enqueue(nodes(1), { type: 'abort' });
    expect(delivered).toEqual(['web0 {"type":"ack"}', 'web1 {"type":"ack"}', 'web0 {"type":"abort"}']);
  });

  it('yields to the event loop while it sends many messages, and keeps their order', async () => {
    const { delivered, outbox } = recordingOutbox(1);
    outbox.enqueue(nodes(64), { type: 'ack' });
    outbox.enqueue(nodes(1), { type: 'abort' });
    expect(delivered.length).toBeLessThan(64);
    await eventually(() => delivered.length === 65);
    expect(delivered.slice(0, 64).every((sent) => sent.endsWith('{"type":"ack"}'))).toBe(true);
    expect(delivered[64]).toBe('web0 {"type":"abort"}');
  });

  it('rejects a command that would exceed the queue limit', () => {
    const { outbox } = recordingOutbox();
    expect(outbox.enqueue(nodes(500_001), { type: 'ack' })).toBe('full');
    expect(outbox.enqueue(nodes(1), { type: 'ack' })).toBe('queued');
  });

  it('sends nothing after stop', async () => {
    const { delivered, outbox } = recordingOutbox(1);
    outbox.enqueue(nodes(64), { type: 'ack' });
    const before = delivered.length;
    outbox.stop();
    await setImmediate();
    await setImmediate();
    expect(outbox.enqueue(nodes(1), { type: 'ack' })).toBe('stopped');
    expect(delivered).toHaveLength(before);
  });
});
