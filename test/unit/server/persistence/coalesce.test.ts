import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  EVENTS_PER_ROW,
  type NodeStatusWrite,
  type Write,
} from '../../../../src/server/persistence/batch-writer.port.js';
import { bytesOf, coalesce } from '../../../../src/server/persistence/coalesce.js';
import {
  isNodeDone,
  NODE_STATUS_CODES,
  type NodeStatus,
} from '../../../../src/shared/protocol/job-status.js';

const node = (name: string, status: NodeStatus, over: Partial<NodeStatusWrite> = {}): NodeStatusWrite => ({
  kind: 'node_status',
  orgId: 'o',
  jobId: 'j',
  node: name,
  status,
  at: 1,
  ...over,
});

/** `count` events of a job, numbered from `firstSeq` on. */
const events = (jobId: string, firstSeq: number, count: number): Write => ({
  kind: 'job_events',
  orgId: 'o',
  jobId,
  firstSeq,
  events: Array.from({ length: count }, (_, n) => ({ id: `job-${firstSeq + n}`, name: 'start', data: '{}' })),
});

describe('coalescing writes', () => {
  it('keeps the later status of a node, and the order of the first writes', () => {
    const writes = [node('a', 'ready'), node('b', 'ready'), node('a', 'running', { at: 2 })];
    expect(coalesce(writes)).toEqual([node('a', 'running', { at: 2 }), node('b', 'ready')]);
  });

  it('keeps a final status when another one follows', () => {
    const writes = [node('a', 'failed', { exitCode: 1 }), node('a', 'crashed', { reason: 'late', at: 2 })];
    expect(coalesce(writes)).toEqual([node('a', 'failed', { exitCode: 1, reason: 'late' })]);
  });

  it('keeps a deadline that only the earlier write has', () => {
    const writes: Write[] = [
      { kind: 'job_status', orgId: 'o', jobId: 'j', status: 'running', at: 1, runDeadline: 99 },
      { kind: 'job_status', orgId: 'o', jobId: 'j', status: 'complete', at: 2 },
    ];
    expect(coalesce(writes)).toEqual([
      { kind: 'job_status', orgId: 'o', jobId: 'j', status: 'complete', at: 2, runDeadline: 99 },
    ]);
  });

  it('does not merge writes to different rows with similar names', () => {
    const writes: Write[] = [
      node('a', 'ready'),
      node('a', 'ready', { jobId: 'k' }),
      node('a', 'ready', { orgId: 'p' }),
      { kind: 'output', orgId: 'o', jobId: 'j', node: 'a', stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) },
      { kind: 'delete_events', orgId: 'o', jobId: 'j' },
      { kind: 'job_status', orgId: 'o', jobId: 'j', status: 'running', at: 1 },
      events('j', 1, 1),
      events('j', 3, 1),
      { kind: 'org_event', orgId: 'o', seq: 1, at: 1, event: { id: 'org-1', name: 'start', data: '{}' } },
    ];
    expect(coalesce(writes)).toEqual(writes);
  });

  it('leaves out events before their deletion, but not later events or those of another job', () => {
    const deletion: Write = { kind: 'delete_events', orgId: 'o', jobId: 'j' };
    const writes = [events('j', 1, 1), events('k', 1, 1), events('j', 2, 1), deletion, events('j', 3, 1)];
    expect(coalesce(writes)).toEqual([events('k', 1, 1), deletion, events('j', 3, 1)]);
  });

  it('joins consecutive events of a job into one row, across other writes', () => {
    const writes = [
      events('j', 1, 2),
      events('k', 3, 1),
      node('a', 'ready'),
      events('j', 3, 1),
      events('j', 4, 2),
    ];
    expect(coalesce(writes)).toEqual([events('j', 1, 5), events('k', 3, 1), node('a', 'ready')]);
    expect(writes[0]).toEqual(events('j', 1, 2));
  });

  it('starts a new row after a gap and when a row is full', () => {
    const full = events('j', 1, EVENTS_PER_ROW - 1);
    const writes = [full, events('j', EVENTS_PER_ROW, 2), events('j', EVENTS_PER_ROW + 3, 1)];
    expect(coalesce(writes)).toEqual(writes);
  });

  it('has the same result whether writes are coalesced at once or in two steps', () => {
    const statuses = fc.constantFrom(...(Object.keys(NODE_STATUS_CODES) as NodeStatus[]));
    const write = fc.record({ name: fc.constantFrom('a', 'b', 'c'), status: statuses, at: fc.nat() });
    fc.assert(
      fc.property(fc.array(write), fc.nat(), (made, cut) => {
        const writes = made.map(({ name, status, at }) => node(name, status, { at }));
        const parts = [...coalesce(writes.slice(0, cut)), ...coalesce(writes.slice(cut))];
        expect(coalesce(parts)).toEqual(coalesce(writes));
      }),
    );
  });

  it('leaves each node at its first final status, or else at its last status', () => {
    const statuses = fc.constantFrom(...(Object.keys(NODE_STATUS_CODES) as NodeStatus[]));
    fc.assert(
      fc.property(fc.array(statuses, { minLength: 1 }), (made) => {
        const [left] = coalesce(made.map((status) => node('a', status)));
        expect(left).toMatchObject({ status: made.find(isNodeDone) ?? made.at(-1) });
      }),
    );
  });
});

describe('the size of a write', () => {
  it('grows with its output and its events', () => {
    const output = (size: number) =>
      bytesOf({
        kind: 'output',
        orgId: 'o',
        jobId: 'j',
        node: 'a',
        stdout: Buffer.alloc(size),
        stderr: Buffer.alloc(size),
      });
    expect(output(1_000) - output(0)).toBe(2_000);
    const event = { id: 'job-1', name: 'start', data: 'x'.repeat(1_000) };
    const events = (count: number) =>
      bytesOf({
        kind: 'job_events',
        orgId: 'o',
        jobId: 'j',
        firstSeq: 1,
        events: Array.from({ length: count }, () => event),
      });
    expect(events(3) - events(2)).toBeGreaterThan(1_000);
  });
});
