import { z } from 'zod';
import type { JobEvent, RunStatus, VoteStatus } from './feed-event.js';
import { jobSchema } from './rest-schemas.js';

const voteStatus = z.enum([
  'success',
  'failure',
  'down',
  'voting_timeout',
  'unexpected_commit',
  'lost_availibility',
  'client_died_while_voting',
] satisfies VoteStatus[]);

const runStatus = z.enum([
  'success',
  'failure',
  'crashed',
  'run_nacked',
  'run_nacked_while_running',
  'client_died_while_running',
] satisfies RunStatus[]);

const node = z.string();
const timestamp = z.string();

const jobStartData = z.object({
  timestamp,
  command: z.string(),
  run_timeout: z.number(),
  quorum: z.number(),
  node_count: z.number(),
  user: z.string(),
  job_user: z.string().optional(),
  dir: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
  file_specified: z.literal(true).optional(),
  capture: z.boolean(),
});

const event = <Name extends string, Data extends z.ZodType>(name: Name, data: Data) =>
  z.object({ id: z.string(), name: z.literal(name), data });

/**
 * The events of a job feed as readers get them. A `summary` is the complete job, and the only event in the feed of a job
 * that ended long ago. See docs/spec/job-lifecycle.md, "Events".
 */
export const jobFeedEventSchema = z.discriminatedUnion('name', [
  event('start', jobStartData),
  event('quorum_vote', z.object({ timestamp, node, status: voteStatus })),
  event('quorum_succeeded', z.object({ timestamp })),
  event('run_start', z.object({ timestamp, node })),
  event('run_complete', z.object({ timestamp, node, status: runStatus })),
  event('rehab', z.object({ timestamp, node })),
  event('job_complete', z.object({ timestamp, status: z.string() })),
  event('summary', jobSchema.extend({ timestamp })),
]);

export type JobFeedEvent = z.infer<typeof jobFeedEventSchema>;

/** The names of all events in a job feed; readers ignore other events. */
export const JOB_FEED_EVENT_NAMES: ReadonlySet<string> = new Set<JobEvent['name'] | 'summary'>([
  'start',
  'quorum_vote',
  'quorum_succeeded',
  'run_start',
  'run_complete',
  'rehab',
  'job_complete',
  'summary',
]);
