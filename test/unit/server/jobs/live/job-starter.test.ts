import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Audit } from '../../../../../src/server/auth/audit.port.js';
import type { Requestor } from '../../../../../src/server/auth/auth.port.js';
import type { ServerConfig } from '../../../../../src/server/config/server-config.js';
import { JobStarter } from '../../../../../src/server/jobs/live/job-starter.js';
import type { JobStore } from '../../../../../src/server/jobs/job-store.port.js';
import type { JobSupervisor } from '../../../../../src/server/jobs/live/job-supervisor.js';
import { systemClock } from '../../../../../src/shared/lib/clock.js';
import type { Fleet } from '../../../../../src/server/nodes/nodes.port.js';

const alice: Requestor = {
  orgId: 'b'.repeat(32),
  orgName: 'acme',
  name: 'alice',
  type: 'user',
  key: generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey,
  from: ['192.0.2.7'],
  signature: Buffer.from('signature'),
};

/** Starts a job with a store and a supervisor that do so; hands back what went into the audit log, and what was thrown. */
const start = async (create: () => Promise<void>, begin: () => Promise<void>) => {
  const recorded: string[] = [];
  const audit: Audit = {
    record: (action, who, outcome, { nodes }) =>
      recorded.push([who.name, action, outcome, ...(nodes ?? [])].join(' ')),
  };
  const starter = new JobStarter(
    { default_running_timeout: 60, voting_timeout: 60 } as ServerConfig,
    { overloaded: false, create } satisfies Partial<JobStore> as unknown as JobStore,
    { begin } as unknown as JobSupervisor,
    {} as Fleet,
    systemClock,
    audit,
  );
  const thrown: unknown = await starter.start(alice, { command: 'date', nodes: ['web1', 'web2'] }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { recorded, thrown };
};

const well = (): Promise<void> => Promise.resolve();
const badly = (): Promise<void> => Promise.reject(new Error('no more memory'));

it('writes a job that was started into the audit log', async () => {
  expect(await start(well, well)).toEqual({
    recorded: ['alice job_start started web1 web2'],
    thrown: undefined,
  });
});

it('writes a job into the audit log that breaks off while its nodes are asked: some of them may run it', async () => {
  const { recorded, thrown } = await start(well, badly);
  expect(recorded).toEqual(['alice job_start started web1 web2']);
  expect(thrown).toMatchObject({ message: 'no more memory' });
});

it('writes no job into the audit log that could not be stored', async () => {
  expect(await start(badly, well)).toMatchObject({ recorded: [], thrown: { message: 'no more memory' } });
});
