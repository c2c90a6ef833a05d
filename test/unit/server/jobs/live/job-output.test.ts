import { beforeEach, describe, expect, test } from 'vitest';
import { needsNewInterval, outputIntervalMs } from '../../../../../src/server/jobs/domain/output-interval.js';
import { JobOutput } from '../../../../../src/server/jobs/live/job-output.js';
import type { NodeOutput } from '../../../../../src/server/jobs/jobs.port.js';
import type { OutputMessage } from '../../../../../src/shared/protocol/client-message.js';

const JOB = { id: 'j', orgId: 'o' };

let sent: string[];
let received: NodeOutput[];
let intervalMs: number;
let output: JobOutput;

beforeEach(() => {
  [sent, received, intervalMs] = [[], [], 250];
  output = new JobOutput(JOB, {
    nodeDirectory: {
      send: (addresses, command) =>
        sent.push(`${addresses.map(({ node }) => node).join(' ')}: ${JSON.stringify(command)}`),
    },
    outputIntervalMs: () => intervalMs,
  });
});

const watcher = { readers: 1, output: (chunk: NodeOutput) => void received.push(chunk) };
const wanted = (nodes: string, everyMs: number): string =>
  `${nodes}: {"type":"output_wanted","job_id":"j","every_ms":${everyMs}}`;
const chunk = (number: number, data = 'YQ=='): OutputMessage => ({
  type: 'output',
  node: 'a',
  org: 'acme',
  sequence: 1,
  timestamp: '',
  incarnation_id: 'i',
  job_id: 'j',
  chunk: number,
  stream: 'stdout',
  data,
});

describe('the output of a job', () => {
  test('is requested from all nodes that can send it when a watcher comes, and stopped when it leaves', () => {
    output.intervalReported('a', 0);
    output.intervalReported('b', 0);
    expect(sent).toEqual([]);
    const stop = output.watch(watcher);
    expect(sent).toEqual([wanted('a b', 250)]);
    output.nodeEnded('b');
    stop();
    stop();
    expect(sent).toEqual([wanted('a b', 250), wanted('a', 0)]);
  });

  test('is requested from a node that starts while there is a watcher', () => {
    output.watch(watcher);
    expect(sent).toEqual([]);
    output.intervalReported('a', 0);
    expect(sent).toEqual([wanted('a', 250)]);
  });

  test('is requested again from a node that sends none, and stopped at a node that need not send it', () => {
    output.intervalReported('a', 0);
    const stop = output.watch(watcher);
    output.intervalReported('a', 250);
    expect(sent).toHaveLength(1);
    output.intervalReported('a', 0); // it has reconnected
    expect(sent.slice(1)).toEqual([wanted('a', 250)]);
    stop();
    output.intervalReported('a', 250);
    expect(sent.slice(2)).toEqual([wanted('a', 0), wanted('a', 0)]);
  });

  test('is forwarded once if it is sent several times', () => {
    const stop = output.watch(watcher);
    const outcomes = [chunk(1), chunk(2), chunk(1), chunk(2), chunk(5)].map((one) =>
      output.forward('a', one, 4),
    );
    expect(outcomes).toEqual(['taken', 'taken', 'repeated', 'repeated', 'taken']);
    expect(received.map((one) => one.chunk)).toEqual([1, 2, 5]);
    expect(received[0]).toEqual({
      node: 'a',
      stream: 'stdout',
      chunk: 1,
      data: 'YQ==',
      skipped: 0,
      afterEvent: 4,
    });
    stop();
    expect(output.forward('a', chunk(6), 4)).toBe('unwanted');
    output.watch(watcher);
    expect(output.forward('a', chunk(5), 4)).toBe('taken'); // the new watcher has not seen it
  });

  test('changes its interval when the wanted one is far off', () => {
    output.watch(watcher);
    output.intervalReported('a', 0);
    intervalMs = 400;
    output.intervalReported('a', 250);
    expect(sent).toHaveLength(1);
    intervalMs = 501;
    output.intervalReported('a', 250);
    expect(sent.at(-1)).toBe(wanted('a', 501));
  });
});

describe('the output interval', () => {
  test.each([
    [1, 250],
    [125, 250],
    [1_000, 2_000],
    [10_000, 20_000],
    [1_000_000, 60_000],
  ])('for %d streams is %d ms', (streams, everyMs) => {
    expect(outputIntervalMs(streams)).toBe(everyMs);
  });

  test.each([
    [0, 0, false],
    [0, 250, true],
    [250, 0, true],
    [250, 500, false],
    [250, 501, true],
    [500, 250, false],
    [501, 250, true],
  ])('of %d ms if %d ms are wanted must change: %s', (reportedMs, wantedMs, isChanged) => {
    expect(needsNewInterval(reportedMs, wantedMs)).toBe(isChanged);
  });
});
