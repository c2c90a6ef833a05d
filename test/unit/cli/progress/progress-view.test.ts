import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { JobProgress } from '../../../../src/cli/progress/job-progress.js';
import { createProgressView } from '../../../../src/cli/progress/progress-view.js';
import type { Job } from '../../../../src/shared/protocol/rest-schemas.js';
import { stubJob } from '../../../support/stub-job.js';

const CLEAR = '\r\u001b[2K';

let nowMs: number;
const clock = { now: () => nowMs };
beforeEach(() => {
  nowMs = 0;
});

const recorder = (terminal: { isTTY?: boolean; columns?: number } = {}) => {
  const written: string[] = [];
  return { ...terminal, written, write: (chunk: string | Uint8Array) => void written.push(String(chunk)) };
};

const at = (status: Job['status'], nodes: Job['nodes']): JobProgress => {
  const progress = new JobProgress();
  progress.applyJob(stubJob(nodes, { status }));
  return progress;
};

describe('progress in a pipe', () => {
  it('is a plain line for each new status, and one per interval while the job runs', () => {
    const stream = recorder();
    const view = createProgressView({ clock, env: {} }, stream, 1000);
    view.show(at('new', { new: ['a', 'b'] }));
    view.show(at('voting', { new: ['a', 'b'] }));
    view.show(at('voting', { new: ['a'], ready: ['b'] }));
    view.show(at('running', { ready: ['a', 'b'] }));
    nowMs = 500;
    view.show(at('running', { running: ['a'], succeeded: ['b'] }));
    nowMs = 1000;
    view.show(at('running', { running: ['a'], succeeded: ['b'] }));
    nowMs = 5000;
    view.show(at('running', { running: ['a'], succeeded: ['b'] }));
    view.show(at('complete', { succeeded: ['a', 'b'] }));
    view.close();

    expect(stream.written.join('')).toBe(
      'Initialized.\nVoting.\nRunning (2/2 in progress) ...\nRunning (1/2 in progress) ...\n',
    );
  });
});

describe('progress on a terminal that cannot redraw a line', () => {
  it('is printed as in a pipe', () => {
    const stream = recorder({ isTTY: true, columns: 80 });
    const view = createProgressView({ clock, env: { TERM: 'dumb' } }, stream, 1000);
    view.show(at('voting', { new: ['a'] }));
    view.close();

    expect(stream.written).toEqual(['Voting.\n']);
  });
});

describe('progress on a terminal', () => {
  afterEach(() => vi.useRealTimers());

  it('is one line that is redrawn, and removed at the end', () => {
    const stream = recorder({ isTTY: true, columns: 120 });
    const view = createProgressView({ clock, env: {} }, stream, 1000);
    view.show(at('voting', { new: ['a', 'b', 'c'], ready: ['d'] }));
    nowMs = 12_345;
    view.show(at('running', { running: ['a'], succeeded: ['b'], failed: ['c'], unavailable: ['d'] }));
    view.close();
    view.close();

    expect(stream.written).toEqual([
      `${CLEAR}Voting   [#####---------------] 1/4 nodes voted  0 s`,
      `${CLEAR}Running  [###############-----] 3/4 nodes done, 1 running, 1 succeeded, 1 failed, 1 not taking part  12 s`,
      CLEAR,
    ]);
  });

  it.each([
    [59_999, '59 s'],
    [60_000, '1 m 00 s'],
    [3_599_000, '59 m 59 s'],
    [3_660_000, '1 h 01 m'],
  ])('shows the elapsed time: %d ms', (ms, text) => {
    const stream = recorder({ isTTY: true, columns: 120 });
    const view = createProgressView({ clock, env: {} }, stream, 1000);
    nowMs = ms;
    view.show(at('running', { running: ['a'] }));
    view.close();

    expect(stream.written[0]).toMatch(new RegExp(` running {2}${text}$`));
  });

  it('stays below printed lines', () => {
    const stream = recorder({ isTTY: true, columns: 120 });
    const view = createProgressView({ clock, env: {} }, stream, 1000);
    view.printLines('before\n');
    view.show(at('running', { running: ['a'] }));
    view.printLines('a | hello\n');
    view.printLines('');
    view.close();

    const line = `${CLEAR}Running  [--------------------] 0/1 nodes done, 1 running  0 s`;
    expect(stream.written).toEqual(['before\n', line, `${CLEAR}a | hello\n`, line, CLEAR]);
  });

  it('stays below lines of another stream, which may be the same terminal', () => {
    const written: string[] = [];
    const stream = {
      isTTY: true,
      columns: 120,
      write: (chunk: string | Uint8Array) => void written.push(String(chunk)),
    };
    const view = createProgressView({ clock, env: {} }, stream, 1000);
    view.show(at('running', { running: ['a'] }));
    view.printLines('a stderr | oh\n', { write: (chunk) => void written.push(`stderr: ${String(chunk)}`) });
    view.close();

    const line = `${CLEAR}Running  [--------------------] 0/1 nodes done, 1 running  0 s`;
    expect(written).toEqual([line, CLEAR, 'stderr: a stderr | oh\n', line, CLEAR]);
  });

  it('never wraps into a second line', () => {
    const stream = recorder({ isTTY: true, columns: 30 });
    const view = createProgressView({ clock, env: {} }, stream, 1000);
    view.show(at('running', { running: ['a'] }));
    view.close();

    expect(stream.written[0]).toBe(`${CLEAR}Running  [------------------…`);
  });

  it('is shown if the terminal width is unknown', () => {
    const stream = recorder({ isTTY: true, columns: 0 });
    const view = createProgressView({ clock, env: {} }, stream, 1000);
    view.show(at('voting', { new: ['a'] }));
    view.close();

    expect(stream.written[0]).toContain('0/1 nodes voted');
  });

  it('is redrawn at once when the job status changes', () => {
    const stream = recorder({ isTTY: true, columns: 100 });
    const view = createProgressView({ clock, env: {} }, stream, 1000);
    view.show(at('voting', { ready: ['a'] }));
    view.show(at('running', { ready: ['a'] }));
    view.show(at('complete', { succeeded: ['a'] }));
    view.close();

    expect(stream.written[1]).toContain('Running  [');
    expect(stream.written[2]).toBe(CLEAR);
  });

  it('is redrawn at most ten times a second, and within a second after a change', () => {
    vi.useFakeTimers();
    const stream = recorder({ isTTY: true, columns: 100 });
    const view = createProgressView({ clock, env: {} }, stream, 1000);
    view.show(at('running', { running: ['a', 'b'] }));
    nowMs = 50;
    view.show(at('running', { running: ['a'], succeeded: ['b'] }));
    expect(stream.written).toHaveLength(1);

    nowMs = 1000;
    vi.advanceTimersByTime(1000);
    view.close();
    expect(stream.written[1]).toContain('1/2 nodes done, 1 running, 1 succeeded  1 s');
  });

  it('writes nothing if there was no progress', () => {
    const stream = recorder({ isTTY: true, columns: 100 });
    createProgressView({ clock, env: {} }, stream, 1000).close();

    expect(stream.written).toEqual([]);
  });
});
