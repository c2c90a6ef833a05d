import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobStore } from '../../../../../src/server/jobs/job-store.port.js';
import { LostJobNodes } from '../../../../../src/server/jobs/live/lost-job-nodes.js';
import type { JobMessage } from '../../../../../src/shared/protocol/client-message.js';

const WEB1 = { orgId: 'a'.repeat(32), node: 'web1' };
const [JOB, OTHER_JOB] = ['b'.repeat(32), 'c'.repeat(32)];
const DEADLINE_MS = 60_000;

const message = (type: JobMessage['type'], fields: Partial<JobMessage> = {}): JobMessage => ({
  type,
  node: 'web1',
  org: 'acme',
  job_id: JOB,
  sequence: 1,
  timestamp: '',
  incarnation_id: 'i',
  ...fields,
});

let saved: string[];
let lost: LostJobNodes;

const store = {
  loadLost: () =>
    Promise.resolve([{ ...WEB1, jobId: JOB, capture: true, runDeadline: Date.now() + DEADLINE_MS }]),
  saveLateResult: (_org, _job, node, { status, exitCode, signal }) =>
    void saved.push(
      ['result', node, status, exitCode, signal].filter((part) => part !== undefined).join(' '),
    ),
  saveOutput: (_org, _job, node, stdout, stderr) =>
    void saved.push(`output ${node} ${stdout.toString()}|${stderr.toString()}`),
} satisfies Pick<JobStore, 'loadLost' | 'saveLateResult' | 'saveOutput'>;

const newLost = (): LostJobNodes =>
  new LostJobNodes(store, { now: () => Date.now() }, pino({ level: 'silent' }));

beforeEach(() => {
  vi.useFakeTimers();
  saved = [];
  lost = newLost();
  lost.add({ ...WEB1, jobId: JOB, capture: true, until: performance.now() + DEADLINE_MS });
});
afterEach(() => void vi.useRealTimers());

describe('a lost job node', () => {
  it('may run until the run deadline of its job', () => {
    expect([lost.mayRun(WEB1), lost.mayRun(WEB1, JOB), lost.mayRun(WEB1, OTHER_JOB)]).toEqual([
      true,
      true,
      false,
    ]);
    expect(lost.mayRun({ ...WEB1, node: 'web2' })).toBe(false);
    vi.advanceTimersByTime(DEADLINE_MS);
    expect([lost.mayRun(WEB1), lost.mayRun(WEB1, JOB)]).toEqual([false, false]);
    expect(lost.receive(WEB1, message('succeeded'))).toBe(false);
    expect(saved).toEqual([]);
  });

  it('keeps its late result and output once', () => {
    const result = message('failed', { exit_code: 3, signal: 'TERM', stdout: 'out' });
    expect([lost.receive(WEB1, result), lost.receive(WEB1, result)]).toEqual([true, true]);
    expect(saved).toEqual(['result web1 failed 3 TERM', 'output web1 out|']);
    expect(lost.mayRun(WEB1)).toBe(false);
  });

  it.each(['ack_commit', 'ack_run'] as const)('may still run after its own late %s', (type) => {
    expect(lost.receive(WEB1, message(type))).toBe(true);
    expect(lost.mayRun(WEB1)).toBe(true);
  });

  it.each(['aborted', 'nack_run', 'nack_commit'] as const)('does not run after %s', (type) => {
    expect(lost.receive(WEB1, message(type))).toBe(true);
    expect(lost.mayRun(WEB1)).toBe(false);
    expect(saved).toEqual([]);
  });

  it('does not run when its node says yes to another job, and its result is still kept then', () => {
    expect(lost.receive(WEB1, message('nack_commit', { job_id: OTHER_JOB }))).toBe(false);
    expect(lost.mayRun(WEB1)).toBe(true);
    expect(lost.receive(WEB1, message('ack_commit', { job_id: OTHER_JOB }))).toBe(false);
    expect(lost.mayRun(WEB1)).toBe(false);
    expect(lost.receive(WEB1, message('succeeded'))).toBe(true);
    expect(saved).toEqual(['result web1 succeeded']);
  });

  it('is known after a restart of the server', async () => {
    const loaded = newLost();
    await loaded.load();
    expect(loaded.mayRun(WEB1, JOB)).toBe(true);
    vi.advanceTimersByTime(DEADLINE_MS);
    expect(loaded.mayRun(WEB1, JOB)).toBe(false);
  });

  it('is forgotten after the deadline, and not before', () => {
    lost.prune();
    expect(lost.receive(WEB1, message('ack_run'))).toBe(true);
    vi.advanceTimersByTime(DEADLINE_MS);
    lost.prune();
    expect(lost.receive(WEB1, message('succeeded'))).toBe(false);
  });
});
