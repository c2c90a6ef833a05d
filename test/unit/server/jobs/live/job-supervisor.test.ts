import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ServerConfig } from '../../../../../src/server/config/server-config.js';
import type { JobStore } from '../../../../../src/server/jobs/job-store.port.js';
import { JobSupervisor } from '../../../../../src/server/jobs/live/job-supervisor.js';
import type { NodeDirectory } from '../../../../../src/server/nodes/nodes.port.js';
import { newJob, randomId } from '../../../../support/new-job.js';

const orgId = randomId();

/** A supervisor whose nodes are all available, with a store that keeps nothing. */
const newSupervisor = (): JobSupervisor => {
  const store = {
    saveNodeStatus: () => undefined,
    saveJobStatus: () => undefined,
    saveEvents: () => undefined,
    flushed: () => Promise.resolve(),
  } satisfies Partial<JobStore>;
  const fleet = {
    isAvailable: () => true,
    send: () => undefined,
    rehab: () => undefined,
  } satisfies Partial<NodeDirectory>;
  return new JobSupervisor(
    { server_name_advertised: 'push.example.com', heartbeat_interval: 10_000 } as ServerConfig,
    store as unknown as JobStore,
    fleet as unknown as NodeDirectory,
    { now: () => Date.now() },
    pino({ level: 'silent' }),
  );
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('sorts the nodes of a new job by name, like the store', async () => {
  const supervisor = newSupervisor();
  const job = newJob({ orgId, nodes: ['web2', 'web10', 'Web3', 'web1'] });
  await supervisor.start(job);
  const names = Array.from(supervisor.find(orgId, job.id)!.nodeStatuses(), ([name]) => name);
  expect(names).toEqual(['Web3', 'web1', 'web10', 'web2']);
  supervisor.stop();
});

it('starts the voting timeout when the job is stored, not when it was created', async () => {
  const supervisor = newSupervisor();
  const createdAt = Date.now();
  const job = newJob({ orgId, nodes: ['web1'], createdAt, votingDeadline: createdAt + 60_000 });
  vi.advanceTimersByTime(25_000);
  await supervisor.start(job);
  const live = supervisor.find(orgId, job.id)!;
  vi.advanceTimersByTime(59_000);
  expect(live.statusOf('web1')).toBe('new');
  vi.advanceTimersByTime(1_000);
  expect(live.statusOf('web1')).toBe('unavailable');
  supervisor.stop();
});
