import { beforeEach, describe, expect, it } from 'vitest';
import { SilentNodes } from '../../../../../src/server/jobs/live/silent-nodes.js';
import type { NodeStatus } from '../../../../../src/shared/protocol/job-status.js';

const INTERVAL_MS = 10_000;
const LOST_MS = 12 * INTERVAL_MS;

const silenceSince = (since: number) => ({ since, lastSeenAt: 0, intervalMs: INTERVAL_MS });

let silent: SilentNodes;
let status: NodeStatus;
beforeEach(() => {
  silent = new SilentNodes();
  status = 'running';
});

const overdueAt = (now: number, lostContactMs: (intervalMs: number) => number | undefined = () => LOST_MS) =>
  silent.overdue(now, () => status, lostContactMs);

describe('a silent node', () => {
  it('is overdue when it has been silent for long enough, in intervals of its own', () => {
    silent.wentOffline('web1', silenceSince(1_000));
    expect(overdueAt(1_000 + LOST_MS - 1)).toEqual([]);
    expect(overdueAt(1_000 + LOST_MS)).toEqual(['web1']);
    expect(overdueAt(1_000 + LOST_MS, (intervalMs) => 13 * intervalMs)).toEqual([]);
  });

  it('is not silent any more when it is heard', () => {
    silent.wentOffline('web1', silenceSince(0));
    silent.heard('web1');
    expect(overdueAt(LOST_MS)).toEqual([]);
    expect(silent.size).toBe(0);
  });

  it('is never overdue if only the deadline of the job counts', () => {
    silent.wentOffline('web1', silenceSince(0));
    expect(overdueAt(1e12, () => undefined)).toEqual([]);
  });
});

describe('a node that is silent since the server restarted', () => {
  beforeEach(() => silent.serverRestarted([{ node: 'web1' }], silenceSince(0)));

  it('is never overdue while it runs the command', () => {
    expect(overdueAt(1e12)).toEqual([]);
  });

  it.each(['new', 'ready'] as const)('is overdue like others while it is %s', (waiting) => {
    status = waiting;
    expect(overdueAt(LOST_MS)).toEqual(['web1']);
  });

  it('stays so if it delivers what it had queued, and reopens its sockets then', () => {
    silent.heard('web1');
    silent.wentOffline('web1', silenceSince(5 * INTERVAL_MS));
    expect(overdueAt(1e12)).toEqual([]);
  });

  it('is overdue like others if it is silent again much later', () => {
    silent.heard('web1');
    silent.wentOffline('web1', silenceSince(100 * INTERVAL_MS));
    expect(overdueAt(100 * INTERVAL_MS + LOST_MS)).toEqual(['web1']);
  });
});
