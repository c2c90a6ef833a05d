import { describe, expect, it } from 'vitest';
import { type CellPlan, PHASES } from '../support/outage-cell.js';
import { type CellOutcome, type OutageWay, runOutage } from '../support/outage-run.js';

/** See CONTRIBUTING.md. */
const IS_FINE = process.env.OUTAGE_MATRIX === 'fine';

/** Lengths of outages, in heartbeat intervals: around 4 the Ruby client opens its sockets again. */
const LENGTHS = IS_FINE
  ? Array.from({ length: 50 }, (_, index) => (index + 1) * 0.3)
  : [0.9, 1.8, 2.7, 3.6, 4.5, 8];

/** Longest run of a command after its outage, in intervals. */
const MAX_RUN = IS_FINE ? 8 : 4;

/** In intervals: longer than any silence. Some nodes never come back, and their jobs must end too. */
const LOST_CONTACT_TIMEOUT = IS_FINE ? 40 : 25;

const plans: CellPlan[] = LENGTHS.flatMap((intervals, row) =>
  PHASES.map((phase, column) => ({
    node: `node-${row}-${column}`,
    phase,
    intervals,
    runIntervals: 1 + ((row * 5 + column * 3) % MAX_RUN),
  })),
);

const describeCell = ({ plan: { intervals, phase }, stored, runs }: CellOutcome): string =>
  `${intervals.toFixed(1)} intervals, ${phase}: ${stored.status} (${stored.reason}), ran ${runs} times`;

/** Each outage, and the interval in the field, in seconds, that the interval of the test stands for. */
type Run = readonly [way: OutageWay, fieldIntervalSeconds: number];

/** The runs of a group go on at the same time; more at once would starve nodes that connect. */
const GROUPS: readonly { what: string; runs: readonly Run[] }[] = [
  {
    what: 'a cut network',
    runs: [
      ['refused', 4],
      ['stalled', 1],
    ],
  },
  {
    what: 'a dead connection',
    runs: [
      ['node half-open', 4],
      ['server half-open', 1],
    ],
  },
  {
    what: 'a restart of the server',
    runs: [
      ['SIGTERM', 4],
      ['SIGKILL', 1],
    ],
  },
];

const settings = {
  heartbeat_interval: 1_000,
  lost_contact_timeout: LOST_CONTACT_TIMEOUT,
  voting_timeout: 120,
};

describe.each(GROUPS)('$what', ({ runs }) => {
  it.concurrent.each(runs)(
    'kills or repeats no command of a Ruby client, and each result that was delivered counts (%s)',
    async (way, fieldIntervalSeconds) => {
      const { cells, changes, loggedErrors } = await runOutage({
        way,
        plans,
        settings,
        fieldIntervalSeconds,
      });
      const delivered = cells.filter(({ hasEnded, isResultMaybeLost }) => hasEnded && !isResultMaybeLost);
      const wrong = (isWrong: (cell: CellOutcome) => boolean, of = cells): string[] =>
        of.filter(isWrong).map(describeCell);

      expect(wrong(({ wasKilled }) => wasKilled)).toEqual([]);
      expect(wrong(({ runs: count }) => count > 1)).toEqual([]);
      expect(wrong(({ stored }) => stored.status !== 'succeeded', delivered)).toEqual([]);
      expect(changes).toEqual([]);
      expect(loggedErrors).toEqual([]);
      // Such a node sends its result when all works again, however long the outage was on a busy machine.
      expect(delivered.map(({ plan }) => plan.phase)).toContain('running, ends after the outage');
    },
    600_000,
  );
});
