import { formatSse, type JobEvent, toFeedEvent } from '../../src/shared/protocol/feed-event.js';
import type { NodeStatus } from '../../src/shared/protocol/job-status.js';
import type { Job, JobSummary } from '../../src/shared/protocol/rest-schemas.js';

export const JOB_ID = 'c280842825ff8de3f0e9cb1c860ca63a';
const AT_MICROS = 1_795_336_304_483_426;

/** Returns a job as the REST API shows it, with these nodes by status. */
export const stubJob = (nodes: Job['nodes'], fields: Partial<Job> = {}): Job => ({
  id: JOB_ID,
  command: 'chef-client',
  status: 'complete',
  run_timeout: 3600,
  created_at: 'Sun, 22 Nov 2026 08:51:46 GMT',
  updated_at: 'Sun, 22 Nov 2026 08:51:47 GMT',
  nodes,
  ...fields,
});

/** Returns a job as the REST API lists it. */
export const stubJobSummary = (fields: Partial<JobSummary>): JobSummary => {
  const { nodes: _nodes, ...summary } = stubJob({});
  return { ...summary, ...fields };
};

/** Formats events as a feed; ids start at `job-1` (or at `first`), timestamps are a microsecond apart. */
export const feedText = (events: readonly JobEvent[], first = 1): string =>
  events
    .map(({ name, data }, index) =>
      formatSse(toFeedEvent(`job-${first + index}`, name, AT_MICROS + index, data)),
    )
    .join('');

/** Returns the first event of a job with this number of nodes. */
export const startEvent = (nodeCount: number): JobEvent => ({
  name: 'start',
  data: {
    command: 'chef-client',
    run_timeout: 3600,
    quorum: nodeCount,
    node_count: nodeCount,
    user: 'alice',
    capture: false,
  },
});

/** Returns the events of a job whose nodes all vote yes and then succeed or fail. */
export const runEvents = (
  outcomes: Readonly<Record<string, NodeStatus & ('succeeded' | 'failed')>>,
): JobEvent[] => {
  const nodes = Object.keys(outcomes);
  return [
    startEvent(nodes.length),
    ...nodes.map((node): JobEvent => ({ name: 'quorum_vote', data: { node, status: 'success' } })),
    { name: 'quorum_succeeded', data: {} },
    ...nodes.map((node): JobEvent => ({ name: 'run_start', data: { node } })),
    ...nodes.map((node): JobEvent => ({
      name: 'run_complete',
      data: { node, status: outcomes[node] === 'succeeded' ? 'success' : 'failure' },
    })),
    { name: 'job_complete', data: { status: 'complete' } },
  ];
};
