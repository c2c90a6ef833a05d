import { beforeEach, describe, expect, test } from 'vitest';
import {
  LostMessageDetector,
  type HeartbeatReport,
} from '../../../../../src/server/jobs/live/lost-message-detector.js';

const INTERVAL_MS = 10_000;
const MINUTE_MS = 60_000;

let detector: LostMessageDetector;
beforeEach(() => (detector = new LostMessageDetector(INTERVAL_MS)));

const committed = (at: number, firstOnConnection = false): HeartbeatReport => ({
  jobState: 'committed',
  isThisJob: true,
  firstOnConnection,
  at,
});
const lostAfter = (...reports: HeartbeatReport[]): boolean[] =>
  reports.map((report) => detector.isMessageLost('web1', report));
const overdueAfter = (...reports: HeartbeatReport[]): boolean[] =>
  reports.map((report) => detector.isRunOverdue('web1', report));

describe('a message is lost', () => {
  test('if the node reports the same twice on a new connection; found once for each connection', () => {
    expect(lostAfter(committed(0, true), committed(10_000), committed(20_000), committed(30_000))).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });

  test.each<[string, HeartbeatReport[]]>([
    ['it stays on its connection', [committed(0), committed(10_000), committed(20_000)]],
    ['its reports follow each other quickly', [committed(0, true), committed(10), committed(4_999)]],
    ['its connection breaks each time', [committed(0, true), committed(10_000, true)]],
    ['it reports another state', [committed(0, true), { ...committed(10_000), jobState: 'running' }]],
    ['it reports another job', [committed(0, true), { ...committed(10_000), isThisJob: false }]],
  ])('but not if %s', (_why, reports) => {
    expect(lostAfter(...reports)).not.toContain(true);
  });

  test('but not if a message was exchanged on that connection', () => {
    lostAfter(committed(0, true));
    detector.messageExchanged('web1');
    expect(lostAfter(committed(10_000), committed(20_000))).toEqual([false, false]);
    lostAfter(committed(30_000, true));
    detector.runSent(31_000);
    expect(lostAfter(committed(40_000), committed(50_000))).toEqual([false, false]);
  });
});

describe('a run that a committed node has got', () => {
  test('is overdue when TCP would have given up, and the node stays committed for another interval', () => {
    detector.runSent(0);
    const reports = [10_000, 60_000, 65_000, 70_000, 75_000].map((at) => committed(at));
    expect(overdueAfter(...reports)).toEqual([false, false, false, false, true]);
  });

  test('gets the same time again after it is resent', () => {
    detector.runSent(0);
    overdueAfter(committed(65_000));
    detector.runResent('web1', 70_000);
    expect(overdueAfter(committed(120_000), committed(131_000), committed(141_000))).toEqual([
      false,
      false,
      true,
    ]);
  });

  test('is not overdue if it was not sent, or the node is in another job, or runs', () => {
    expect(overdueAfter(committed(2 * MINUTE_MS), committed(4 * MINUTE_MS))).toEqual([false, false]);
    detector.runSent(0);
    for (const other of [{ isThisJob: false }, { jobState: 'running' as const }]) {
      const reports = [2, 4].map((minutes) => ({ ...committed(minutes * MINUTE_MS), ...other }));
      expect(overdueAfter(...reports)).toEqual([false, false]);
    }
  });
});
