import { describe, expect, it } from 'vitest';
import { JobProgress } from '../../../../src/cli/progress/job-progress.js';
import {
  JOB_FEED_EVENT_NAMES,
  jobFeedEventSchema,
} from '../../../../src/shared/protocol/feed-event-schema.js';
import type { JobEvent } from '../../../../src/shared/protocol/feed-event.js';
import { startEvent, stubJob, runEvents } from '../../../support/stub-job.js';

/** Parses events as a reader of the feed does. */
const read = (events: readonly JobEvent[]) =>
  events.map(({ name, data }, index) =>
    jobFeedEventSchema.parse({ name, id: `job-${index + 1}`, data: { timestamp: 't', ...data } }),
  );

const after = (...events: JobEvent[]): JobProgress => {
  const progress = new JobProgress();
  for (const event of read(events)) progress.applyEvent(event);
  return progress;
};

const vote = (node: string, status: 'success' | 'failure' | 'down' | 'voting_timeout'): JobEvent => ({
  name: 'quorum_vote',
  data: { node, status },
});

describe('the progress of a job', () => {
  it('counts votes, and counts nodes that do not take part as done', () => {
    const progress = after(startEvent(4), vote('a', 'success'), vote('b', 'failure'), vote('c', 'down'));

    expect(progress).toMatchObject({ status: 'voting', total: 4, voted: 3, done: 2 });
    expect(progress.count('ready')).toBe(1);
    expect(progress.count('nacked', 'unavailable')).toBe(2);
  });

  it('counts running and ended nodes', () => {
    const events = runEvents({ a: 'succeeded', b: 'failed', c: 'succeeded' });
    const progress = after(...events.slice(0, -2));

    expect(progress).toMatchObject({ status: 'running', total: 3, done: 2 });
    expect(progress.count('running')).toBe(1);
  });

  it.each([
    ['success', 'succeeded'],
    ['failure', 'failed'],
    ['run_nacked', 'failed'],
    ['run_nacked_while_running', 'failed'],
    ['crashed', 'crashed'],
    ['client_died_while_running', 'crashed'],
  ] as const)('maps the run status %s to the node status %s', (status, shown) => {
    const progress = after(
      startEvent(1),
      vote('a', 'success'),
      { name: 'run_start', data: { node: 'a' } },
      {
        name: 'run_complete',
        data: { node: 'a', status },
      },
    );

    expect(progress.count(shown)).toBe(1);
  });

  it('keeps the final status of a node', () => {
    const progress = after(startEvent(1), vote('a', 'down'), {
      name: 'run_complete',
      data: { node: 'a', status: 'client_died_while_running' },
    });

    expect(progress.count('unavailable')).toBe(1);
  });

  it('does not change if a feed is replayed from its beginning', () => {
    const events = runEvents({ a: 'succeeded', b: 'failed' });
    const half = events.slice(0, 6);
    const [once, twice] = [after(...events), after(...half, ...events)];

    expect([twice.done, twice.total, twice.count('succeeded')]).toEqual([2, 2, 1]);
    expect([once.done, once.total, once.count('succeeded')]).toEqual([2, 2, 1]);
  });

  it('lists each ended node that may have output once, in order', () => {
    const events = runEvents({ b: 'failed', a: 'succeeded' });
    const progress = after(...events, vote('offline', 'down'), ...events);
    progress.applyJob(stubJob({ succeeded: ['a'], failed: ['b'], timed_out: ['c'], nacked: ['d'] }));

    expect(progress.endedNodes).toEqual(['b', 'a', 'c']);
  });

  it('takes the statuses of a job from the REST API', () => {
    const progress = new JobProgress();
    progress.applyJob(stubJob({ running: ['a'], succeeded: ['b', 'c'] }, { status: 'running' }));

    expect(progress).toMatchObject({ status: 'running', total: 3, done: 2 });
  });
});

describe('the names of feed events', () => {
  it('are those of the schema', () => {
    const known = jobFeedEventSchema.options.map((option) => option.shape.name.value);

    expect([...JOB_FEED_EVENT_NAMES].sort()).toEqual([...known].sort());
  });
});
