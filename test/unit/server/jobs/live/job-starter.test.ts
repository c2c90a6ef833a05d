import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import type { AuditLog, Requestor } from '../../../../../src/server/auth/auth.port.js';
import type { ServerConfig } from '../../../../../src/server/config/server-config.js';
import { JobStarter } from '../../../../../src/server/jobs/live/job-starter.js';
import type { JobStore } from '../../../../../src/server/jobs/job-store.port.js';
import type { JobSupervisor } from '../../../../../src/server/jobs/live/job-supervisor.js';
import { systemClock } from '../../../../../src/shared/lib/clock.js';
import type { NodeDirectory } from '../../../../../src/server/nodes/nodes.port.js';

const alice: Requestor = {
  orgId: 'b'.repeat(32),
  orgName: 'acme',
  name: 'alice',
  type: 'user',
  key: generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey,
  from: ['192.0.2.7'],
  signature: Buffer.from('signature'),
};

/** Starts a job with these results of store and supervisor; returns the audit log, and what was thrown. */
const startWith = async (create: () => Promise<void>, start: () => Promise<void>) => {
  const recorded: string[] = [];
  const audit: AuditLog = {
    record: (action, who, outcome, { nodes }) =>
      recorded.push([who.name, action, outcome, ...(nodes ?? [])].join(' ')),
  };
  const starter = new JobStarter(
    { default_running_timeout: 60, voting_timeout: 60 } as ServerConfig,
    { overloaded: false, create } satisfies Partial<JobStore> as unknown as JobStore,
    { start } as unknown as JobSupervisor,
    {} as NodeDirectory,
    systemClock,
    audit,
  );
  const thrown: unknown = await starter.start(alice, { command: 'date', nodes: ['web1', 'web2'] }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { recorded, thrown };
};

const succeed = (): Promise<void> => Promise.resolve();
const fail = (): Promise<void> => Promise.reject(new Error('no more memory'));

it('records a started job in the audit log', async () => {
  expect(await startWith(succeed, succeed)).toEqual({
    recorded: ['alice job_start started web1 web2'],
    thrown: undefined,
  });
});

it('records a job that fails while its nodes are asked: some of them may run it', async () => {
  const { recorded, thrown } = await startWith(succeed, fail);
  expect(recorded).toEqual(['alice job_start started web1 web2']);
  expect(thrown).toMatchObject({ message: 'no more memory' });
});

it('does not record a job that cannot be stored', async () => {
  expect(await startWith(fail, succeed)).toMatchObject({
    recorded: [],
    thrown: { message: 'no more memory' },
  });
});
