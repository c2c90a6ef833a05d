import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SilenceNotice } from '../../../../src/cli/progress/silence-notice.js';
import { ok } from '../../../../src/shared/lib/result.js';
import type { Job } from '../../../../src/shared/protocol/rest-schemas.js';
import { stubJob } from '../../../support/stub-job.js';

let since: string | undefined;
let requests: number;
let told: string[];
let notice: SilenceNotice;

const getJob = () => {
  requests++;
  const node = { node_name: 'web1', status: 'running' as const, ...(since && { no_contact_since: since }) };
  const job: Job = {
    ...stubJob({ running: ['web1'] }, { status: 'running' }),
    details: { created_by: 'alice', quorum: 1, nodes: [node] },
  };
  return Promise.resolve(ok(job));
};

beforeEach(() => {
  vi.useFakeTimers();
  [since, requests, told] = [undefined, 0, []];
  notice = new SilenceNotice(
    { getJob },
    'a'.repeat(32),
    (text) => void told.push(text),
    new AbortController().signal,
  );
  notice.start();
});
afterEach(() => {
  notice.stop();
  vi.useRealTimers();
});

it('tells once that a node is silent, and once that it is back', async () => {
  since = '2026-11-22T08:00:00.123Z';
  await vi.advanceTimersByTimeAsync(35_000);
  expect(told).toEqual(['No contact with web1 since 2026-11-22 08:00:00Z; its command may still run.\n']);
  since = undefined;
  await vi.advanceTimersByTimeAsync(35_000);
  expect(told.slice(1)).toEqual(['Contact with web1 is back.\n']);
});

it('asks at most every ten seconds, and not any more when it is stopped', async () => {
  await vi.advanceTimersByTimeAsync(9_000);
  expect(requests).toBe(0);
  await vi.advanceTimersByTimeAsync(52_000);
  expect(requests).toBe(6);
  notice.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(requests).toBe(6);
});
