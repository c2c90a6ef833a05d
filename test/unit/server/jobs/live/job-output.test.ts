import { beforeEach, describe, expect, test } from 'vitest';
import { isOffPace, outputPace } from '../../../../../src/server/jobs/domain/output-pace.js';
import { JobOutput } from '../../../../../src/server/jobs/live/job-output.js';
import type { NodeOutput } from '../../../../../src/server/jobs/jobs.port.js';
import type { OutputMessage } from '../../../../../src/shared/protocol/client-message.js';

const JOB = { id: 'j', orgId: 'o' };

let told: string[];
let got: NodeOutput[];
let pace: number;
let output: JobOutput;

beforeEach(() => {
  [told, got, pace] = [[], [], 250];
  output = new JobOutput(JOB, {
    fleet: {
      send: (addresses, command) =>
        told.push(`${addresses.map(({ node }) => node).join(' ')}: ${JSON.stringify(command)}`),
    },
    outputPace: () => pace,
  });
});

const watcher = { readers: 1, output: (chunk: NodeOutput) => void got.push(chunk) };
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
  test('is asked for when somebody begins to watch, of the nodes that can, all at once, until nobody does', () => {
    output.said('a', 0);
    output.said('b', 0);
    expect(told).toEqual([]);
    const stop = output.watch(watcher);
    expect(told).toEqual([wanted('a b', 250)]);
    output.ended('b');
    stop();
    stop();
    expect(told).toEqual([wanted('a b', 250), wanted('a', 0)]);
  });

  test('is asked for of a node that starts while somebody watches', () => {
    output.watch(watcher);
    expect(told).toEqual([]);
    output.said('a', 0);
    expect(told).toEqual([wanted('a', 250)]);
  });

  test('is asked for once more where a node says that it sends none, and called off where it need not', () => {
    output.said('a', 0);
    const stop = output.watch(watcher);
    output.said('a', 250);
    expect(told).toHaveLength(1);
    output.said('a', 0); // it has connected anew
    expect(told.slice(1)).toEqual([wanted('a', 250)]);
    stop();
    output.said('a', 250);
    expect(told.slice(2)).toEqual([wanted('a', 0), wanted('a', 0)]);
  });

  test('is handed on once, however often it is sent', () => {
    const stop = output.watch(watcher);
    const verdicts = [chunk(1), chunk(2), chunk(1), chunk(2), chunk(5)].map((one) =>
      output.take('a', one, 4),
    );
    expect(verdicts).toEqual(['taken', 'taken', 'repeated', 'repeated', 'taken']);
    expect(got.map((one) => one.chunk)).toEqual([1, 2, 5]);
    expect(got[0]).toEqual({
      node: 'a',
      stream: 'stdout',
      chunk: 1,
      data: 'YQ==',
      skipped: 0,
      afterEvent: 4,
    });
    stop();
    expect(output.take('a', chunk(6), 4)).toBe('unwanted');
    output.watch(watcher);
    expect(output.take('a', chunk(5), 4)).toBe('taken'); // for the new one, who has not seen it
  });

  test('comes more seldom the more is watched, and nodes hear of that where it is far off', () => {
    output.watch(watcher);
    output.said('a', 0);
    pace = 400;
    output.said('a', 250);
    expect(told).toHaveLength(1);
    pace = 501;
    output.said('a', 250);
    expect(told.at(-1)).toBe(wanted('a', 501));
  });
});

describe('the pace', () => {
  test.each([
    [1, 250],
    [125, 250],
    [1_000, 2_000],
    [10_000, 20_000],
    [1_000_000, 60_000],
  ])('for %d streams is every %d ms', (streams, everyMs) => {
    expect(outputPace(streams)).toBe(everyMs);
  });

  test.each([
    [0, 0, false],
    [0, 250, true],
    [250, 0, true],
    [250, 500, false],
    [250, 501, true],
    [500, 250, false],
    [501, 250, true],
  ])('of %d ms where %d ms are wanted: is it to be changed? %s', (said, want, isOff) => {
    expect(isOffPace(said, want)).toBe(isOff);
  });
});
