import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ServerConfig } from '../../../../../src/server/config/server-config.js';
import type { JobStore } from '../../../../../src/server/jobs/job-store.port.js';
import { JobSupervisor } from '../../../../../src/server/jobs/live/job-supervisor.js';
import type { Fleet } from '../../../../../src/server/nodes/nodes.port.js';
import { newJob, randomId } from '../../../../support/new-job.js';

const orgId = randomId();

/** A supervisor whose nodes are all there, and which stores nothing. */
const newSupervisor = (): JobSupervisor => {
  const store = {
    nodeStatus: () => undefined,
    jobStatus: () => undefined,
    events: () => undefined,
    flushed: () => Promise.resolve(),
  } satisfies Partial<JobStore>;
  const fleet = {
    isAvailable: () => true,
    send: () => undefined,
    rehab: () => undefined,
  } satisfies Partial<Fleet>;
  return new JobSupervisor(
    { server_name_advertised: 'push.example.com', heartbeat_interval: 10_000 } as ServerConfig,
    store as unknown as JobStore,
    fleet as unknown as Fleet,
    { now: () => Date.now() },
    pino({ level: 'silent' }),
  );
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('has the nodes of a new job by name, as they are when it has left memory', async () => {
  const supervisor = newSupervisor();
  const job = newJob({ orgId, nodes: ['web2', 'web10', 'Web3', 'web1'] });
  await supervisor.begin(job);
  const names = Array.from(supervisor.find(orgId, job.id)!.nodeStatuses(), ([name]) => name);
  expect(names).toEqual(['Web3', 'web1', 'web10', 'web2']);
  supervisor.stop();
});

it('gives nodes all the time to vote, however long it took to store the job', async () => {
  const supervisor = newSupervisor();
  const createdAt = Date.now();
  const job = newJob({ orgId, nodes: ['web1'], createdAt, votingDeadline: createdAt + 60_000 });
  vi.advanceTimersByTime(25_000);
  await supervisor.begin(job);
  const live = supervisor.find(orgId, job.id)!;
  vi.advanceTimersByTime(59_000);
  expect(live.statusOf('web1')).toBe('new');
  vi.advanceTimersByTime(1_000);
  expect(live.statusOf('web1')).toBe('unavailable');
  supervisor.stop();
});
