import { randomBytes } from 'node:crypto';
import type { NewJob } from '../../src/server/jobs/job-store.port.js';

/** Returns a random id of a job or an organization: 32 hex digits. */
export const randomId = (): string => randomBytes(16).toString('hex');

/** Returns a job with these fields and defaults for the others. */
export const newJob = (fields: Partial<NewJob> & Pick<NewJob, 'orgId'>): NewJob => ({
  id: randomId(),
  command: 'chef-client',
  runTimeout: 3600,
  quorum: 1,
  createdBy: 'alice',
  createdAt: Date.UTC(2026, 10, 22, 8, 0, 0),
  votingDeadline: Date.UTC(2026, 10, 22, 8, 1, 0),
  nodes: ['web1'],
  capture: false,
  ...fields,
});
