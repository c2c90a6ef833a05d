import { randomBytes } from 'node:crypto';
import type { NewJob } from '../../src/server/jobs/job-store.port.js';

/** 32 hex digits, as ids of jobs and organizations are. */
export const randomId = (): string => randomBytes(16).toString('hex');

/** A job as a test needs it; what it does not say is filled in. */
export const newJob = (over: Partial<NewJob> & Pick<NewJob, 'orgId'>): NewJob => ({
  id: randomId(),
  command: 'chef-client',
  runTimeout: 3600,
  quorum: 1,
  createdBy: 'alice',
  createdAt: Date.UTC(2026, 10, 22, 8, 0, 0),
  votingDeadline: Date.UTC(2026, 10, 22, 8, 1, 0),
  nodes: ['web1'],
  capture: false,
  ...over,
});
