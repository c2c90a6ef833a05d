import { describe, expect, test } from 'vitest';
import {
  type HeartbeatAction,
  type HeartbeatComparison,
  reconcileHeartbeat,
} from '../../../../../src/server/jobs/domain/reconcile-heartbeat.js';
import {
  isNodeDone,
  NODE_STATUS_CODES,
  type NodeStatus,
} from '../../../../../src/shared/protocol/job-status.js';

const STATUSES = Object.keys(NODE_STATUS_CODES) as NodeStatus[];
const JOB_STATES = ['idle', 'committed', 'running'] as const;

type Phase = HeartbeatComparison['phase'];
type JobState = HeartbeatComparison['jobState'];

/** A heartbeat that names this job unless it is idle. */
const heartbeat = (phase: Phase, status: NodeStatus, jobState: JobState): HeartbeatComparison => ({
  phase,
  status,
  jobState,
  isThisJob: jobState !== 'idle',
});

describe('a heartbeat after a server restart, or after a lost message', () => {
  test.each<[intent: string, Phase, NodeStatus, JobState, HeartbeatAction]>([
    ['an idle node has not received commit', 'voting', 'new', 'idle', 'resend_commit'],
    ['an idle node has lost its yes vote with a restart', 'voting', 'ready', 'idle', 'resend_commit'],
    ['the yes vote of a committed node got lost', 'voting', 'new', 'committed', 'assume_vote'],
    ['a committed node is where it should be', 'voting', 'ready', 'committed', 'none'],
    ['a node cannot run before the vote: only a message decides', 'voting', 'new', 'running', 'none'],
    ['a ready node cannot run before the vote: only a message decides', 'voting', 'ready', 'running', 'none'],
    ['a committed node has not received run', 'running', 'ready', 'committed', 'resend_run'],
    ['the start of a running node got lost', 'running', 'ready', 'running', 'assume_started'],
    ['an idle node may have ended the job', 'running', 'ready', 'idle', 'count_absence'],
    ['a running node is where it should be', 'running', 'running', 'running', 'none'],
    ['a running node is never asked to run again', 'running', 'running', 'committed', 'none'],
    ['an idle node may have ended the run', 'running', 'running', 'idle', 'count_absence'],
  ])('%s (job %s, job node %s, heartbeat %s → %s)', (_intent, phase, status, jobState, action) => {
    expect(reconcileHeartbeat(heartbeat(phase, status, jobState), true)).toBe(action);
  });

  test('is ignored by a voting job that it does not name', () => {
    const other = { ...heartbeat('voting', 'new', 'committed'), isThisJob: false };
    expect(reconcileHeartbeat(other, true)).toBe('none');
  });
});

describe('a heartbeat while no message can be lost', () => {
  test.each<[Phase, NodeStatus, JobState]>([
    ['voting', 'new', 'idle'],
    ['voting', 'new', 'committed'],
    ['voting', 'ready', 'idle'],
    ['running', 'ready', 'committed'],
    ['running', 'ready', 'running'],
  ])(
    'changes nothing: its message is on its way (job %s, job node %s, heartbeat %s)',
    (phase, status, jobState) => {
      expect(reconcileHeartbeat(heartbeat(phase, status, jobState), false)).toBe('none');
    },
  );

  test('counts as an absence if the node is idle or in another job instead of this run', () => {
    for (const status of ['ready', 'running'] as const)
      for (const jobState of JOB_STATES) {
        const other = { ...heartbeat('running', status, jobState), isThisJob: false };
        expect(reconcileHeartbeat(other, false)).toBe('count_absence');
      }
  });
});

test('a heartbeat changes nothing for a job node or a job that has ended', () => {
  for (const isMessageLost of [true, false])
    for (const jobState of JOB_STATES) {
      for (const status of STATUSES)
        expect(reconcileHeartbeat(heartbeat('over', status, jobState), isMessageLost)).toBe('none');
      for (const status of STATUSES.filter(isNodeDone))
        for (const phase of ['voting', 'running'] as const)
          expect(reconcileHeartbeat(heartbeat(phase, status, jobState), isMessageLost), status).toBe('none');
    }
});
