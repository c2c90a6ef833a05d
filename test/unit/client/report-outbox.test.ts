import { expect, test } from 'vitest';
import type { JobReport } from '../../../src/client/domain/job-machine.js';
import { ReportOutbox } from '../../../src/client/report-outbox.js';
import { type Deferred, deferred } from '../../../src/shared/lib/deferred.js';
import { eventually } from '../../support/eventually.js';

const nack = (jobId: string): JobReport => ({ type: 'nack_commit', jobId, reason: 'busy' });
const succeeded = (jobId: string): JobReport => ({
  type: 'succeeded',
  jobId,
  result: { exitCode: 0, signal: null, durationMs: 1 },
});
const names = (reports: readonly JobReport[]): (string | null)[] => reports.map(({ jobId }) => jobId);
const numbered = (count: number, make: (id: string) => JobReport): JobReport[] =>
  Array.from({ length: count }, (_, index) => make(`${index}`));
const fail = (thrown: unknown): never => {
  throw thrown;
};

test('drops neither the report that is being sent nor an unsent one for it, when too many come meanwhile', async () => {
  const sent: JobReport[] = [];
  const sends: Deferred<boolean>[] = [];
  const outbox = new ReportOutbox((report) => {
    sent.push(report);
    sends.push(deferred());
    return sends.length === 1 ? sends[0]!.promise : Promise.resolve(true);
  }, fail);
  outbox.add(succeeded('first'));
  for (const report of numbered(32, nack)) outbox.add(report);
  sends[0]!.resolve(true);
  await eventually(() => outbox.isEmpty);
  expect(names(sent)).toEqual(['first', ...names(numbered(32, nack))]);
});

test('drops the oldest waiting votes, but never a result', async () => {
  let isConnected = false;
  const sent: JobReport[] = [];
  const outbox = new ReportOutbox((report) => {
    if (isConnected) sent.push(report);
    return Promise.resolve(isConnected);
  }, fail);
  for (const report of numbered(40, succeeded)) outbox.add(report);
  for (const report of numbered(40, nack)) outbox.add(report);
  await outbox.settled();
  expect(outbox.waitingResults).toBe(40);
  isConnected = true;
  outbox.flush();
  await eventually(() => outbox.isEmpty);
  expect(names(sent.slice(0, 40))).toEqual(names(numbered(40, succeeded)));
  expect(names(sent.slice(40))).toEqual(names(numbered(40, nack).slice(8)));
});
