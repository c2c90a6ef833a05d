import { describe, expect, test } from 'vitest';
import { judgeReport } from '../../../../../src/server/jobs/domain/heartbeat-verdict.js';
import {
  isNodeDone,
  NODE_STATUS_CODES,
  type NodeStatus,
} from '../../../../../src/shared/protocol/job-status.js';

type Report = Parameters<typeof judgeReport>[0];
const STATUSES = Object.keys(NODE_STATUS_CODES) as NodeStatus[];

const report = (over: Partial<Report>): Report => ({
  phase: 'voting',
  status: 'new',
  doing: 'idle',
  thisJob: over.doing !== undefined && over.doing !== 'idle',
  wordsAreLost: true,
  ...over,
});

describe("a node's first report after a restart of the server, or after words were lost", () => {
  test.each<[Report['phase'], NodeStatus, Report['doing'], ReturnType<typeof judgeReport>]>([
    ['voting', 'new', 'idle', 'ask_again'],
    ['voting', 'ready', 'idle', 'ask_again'],
    ['voting', 'new', 'committed', 'voted'],
    ['voting', 'ready', 'committed', 'nothing'],
    ['voting', 'new', 'running', 'nothing'],
    ['voting', 'ready', 'running', 'nothing'],
    ['running', 'ready', 'committed', 'run'],
    ['running', 'ready', 'running', 'started'],
    ['running', 'ready', 'idle', 'absent'],
    ['running', 'running', 'running', 'nothing'],
    ['running', 'running', 'committed', 'nothing'],
    ['running', 'running', 'idle', 'absent'],
  ])('while the job is %s, the node is %s and says %s → %s', (phase, status, doing, verdict) => {
    expect(judgeReport(report({ phase, status, doing }))).toBe(verdict);
  });

  test('means nothing to a job that votes and that it does not name', () => {
    expect(judgeReport(report({ doing: 'committed', thisJob: false }))).toBe('nothing');
  });
});

describe('a report of a node of which no word is lost', () => {
  test.each<[Report['phase'], NodeStatus, Report['doing']]>([
    ['voting', 'new', 'idle'],
    ['voting', 'new', 'committed'],
    ['voting', 'ready', 'idle'],
    ['running', 'ready', 'committed'],
    ['running', 'ready', 'running'],
  ])('changes nothing while the job is %s, the node is %s and says %s', (phase, status, doing) => {
    expect(judgeReport(report({ phase, status, doing, wordsAreLost: false }))).toBe('nothing');
  });

  test('that it is idle, or at another job, counts where it should work', () => {
    const should = { phase: 'running', thisJob: false, wordsAreLost: false } as const;
    for (const status of ['ready', 'running'] as const)
      for (const doing of ['idle', 'committed', 'running'] as const)
        expect(judgeReport(report({ ...should, status, doing }))).toBe('absent');
  });
});

test('no report says anything of a node whose part has ended, or of a job that has', () => {
  for (const wordsAreLost of [true, false])
    for (const doing of ['idle', 'committed', 'running'] as const) {
      for (const status of STATUSES)
        expect(judgeReport(report({ phase: 'over', status, doing, wordsAreLost }))).toBe('nothing');
      for (const status of STATUSES.filter(isNodeDone))
        for (const phase of ['voting', 'running'] as const)
          expect(judgeReport(report({ phase, status, doing, wordsAreLost })), status).toBe('nothing');
    }
});
