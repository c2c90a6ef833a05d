import { beforeEach, describe, expect, test } from 'vitest';
import { LostWords, type Report } from '../../../../../src/server/jobs/live/lost-message-detector.js';

const INTERVAL_MS = 10_000;
const MINUTE_MS = 60_000;

let words: LostWords;
beforeEach(() => (words = new LostWords(INTERVAL_MS)));

const committed = (at: number, firstOnConnection = false): Report => ({
  doing: 'committed',
  thisJob: true,
  firstOnConnection,
  at,
});
const areLost = (...reports: Report[]): boolean[] => reports.map((report) => words.areLost('web1', report));
const areStuck = (...reports: Report[]): boolean[] => reports.map((report) => words.isStuck('web1', report));

describe('words to and from a node are lost', () => {
  test('where it says the same twice on a new connection, and only once for each', () => {
    expect(areLost(committed(0, true), committed(10_000), committed(20_000), committed(30_000))).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });

  test.each<[string, Report[]]>([
    ['it goes on speaking over its connection', [committed(0), committed(10_000), committed(20_000)]],
    ['it says it in quick succession', [committed(0, true), committed(10), committed(4_999)]],
    ['its connection breaks each time', [committed(0, true), committed(10_000, true)]],
    ['it says something else', [committed(0, true), { ...committed(10_000), doing: 'running' }]],
    ['it speaks of another job', [committed(0, true), { ...committed(10_000), thisJob: false }]],
  ])('but not where %s', (_why, reports) => {
    expect(areLost(...reports)).not.toContain(true);
  });

  test('but not where something was heard from it, or sent to it, over that connection', () => {
    areLost(committed(0, true));
    words.spoke('web1');
    expect(areLost(committed(10_000), committed(20_000))).toEqual([false, false]);
    areLost(committed(30_000, true));
    words.toldToRun(31_000);
    expect(areLost(committed(40_000), committed(50_000))).toEqual([false, false]);
  });
});

describe('a node that says it is committed although it was told to run', () => {
  test('is stuck when a connection would have broken by then, and it says so for an interval more', () => {
    words.toldToRun(0);
    const reports = [10_000, 60_000, 65_000, 70_000, 75_000].map((at) => committed(at));
    expect(areStuck(...reports)).toEqual([false, false, false, false, true]);
  });

  test('has as much time again when it was told again', () => {
    words.toldToRun(0);
    areStuck(committed(65_000));
    words.toldAgain('web1', 70_000);
    expect(areStuck(committed(120_000), committed(131_000), committed(141_000))).toEqual([
      false,
      false,
      true,
    ]);
  });

  test('is not where it was not told, speaks of another job, or runs', () => {
    expect(areStuck(committed(2 * MINUTE_MS), committed(4 * MINUTE_MS))).toEqual([false, false]);
    words.toldToRun(0);
    for (const other of [{ thisJob: false }, { doing: 'running' as const }]) {
      const reports = [2, 4].map((minutes) => ({ ...committed(minutes * MINUTE_MS), ...other }));
      expect(areStuck(...reports)).toEqual([false, false]);
    }
  });
});
