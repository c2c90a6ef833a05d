import { describe, expect, it } from 'vitest';
import { JobProgress } from '../../../../src/cli/progress/job-progress.js';
import {
  JOB_FEED_EVENT_NAMES,
  jobFeedEventSchema,
} from '../../../../src/shared/protocol/feed-event-schema.js';
import type { JobEvent } from '../../../../src/shared/protocol/feed-event.js';
import { startEvent, stubJob, wholeRun } from '../../../support/stub-job.js';

/** Events as a reader of the feed gets them. */
const read = (events: readonly JobEvent[]) =>
  events.map(({ name, data }, index) =>
    jobFeedEventSchema.parse({ name, id: `job-${index + 1}`, data: { timestamp: 't', ...data } }),
  );

const after = (...events: JobEvent[]): JobProgress => {
  const progress = new JobProgress();
  for (const event of read(events)) progress.apply(event);
  return progress;
};

const vote = (node: string, status: 'success' | 'failure' | 'down' | 'voting_timeout'): JobEvent => ({
  name: 'quorum_vote',
  data: { node, status },
});

describe('the progress of a job', () => {
  it('counts votes, and nodes that do not take part as done', () => {
    const progress = after(startEvent(4), vote('a', 'success'), vote('b', 'failure'), vote('c', 'down'));

    expect(progress).toMatchObject({ status: 'voting', total: 4, voted: 3, done: 2 });
    expect(progress.count('ready')).toBe(1);
    expect(progress.count('nacked', 'unavailable')).toBe(2);
  });

  it('counts who runs and who is done', () => {
    const events = wholeRun({ a: 'succeeded', b: 'failed', c: 'succeeded' });
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
  ] as const)('takes a run that ended with %s for %s', (status, shown) => {
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

  it('never changes how a node ended', () => {
    const progress = after(startEvent(1), vote('a', 'down'), {
      name: 'run_complete',
      data: { node: 'a', status: 'client_died_while_running' },
    });

    expect(progress.count('unavailable')).toBe(1);
  });

  it('is the same when a feed was read again from its beginning', () => {
    const events = wholeRun({ a: 'succeeded', b: 'failed' });
    const half = events.slice(0, 6);
    const [once, twice] = [after(...events), after(...half, ...events)];

    expect([twice.done, twice.total, twice.count('succeeded')]).toEqual([2, 2, 1]);
    expect([once.done, once.total, once.count('succeeded')]).toEqual([2, 2, 1]);
  });

  it('tells once of each node that may have written something, in the order in which they ended', () => {
    const events = wholeRun({ b: 'failed', a: 'succeeded' });
    const progress = after(...events, vote('gone', 'down'), ...events);
    progress.take(stubJob({ succeeded: ['a'], failed: ['b'], timed_out: ['c'], nacked: ['d'] }));

    expect(progress.ranToEnd).toEqual(['b', 'a', 'c']);
  });

  it('takes over a job as the server shows it', () => {
    const progress = new JobProgress();
    progress.take(stubJob({ running: ['a'], succeeded: ['b', 'c'] }, { status: 'running' }));

    expect(progress).toMatchObject({ status: 'running', total: 3, done: 2 });
  });
});

describe('the names of feed events', () => {
  it('are those that the schema knows', () => {
    const known = jobFeedEventSchema.options.map((option) => option.shape.name.value);

    expect([...JOB_FEED_EVENT_NAMES].sort()).toEqual([...known].sort());
  });
});
