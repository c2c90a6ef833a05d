import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type JobEffect,
  type JobInput,
  type JobState,
  jobState,
  reduceJob,
} from '../../../../../src/server/jobs/domain/job-machine.js';
import type { OtherJobs, JobNodeInput } from '../../../../../src/server/jobs/domain/job-node-machine.js';
import {
  isNodeDone,
  type JobStatus,
  type NodeStatus,
} from '../../../../../src/shared/protocol/job-status.js';

/** Executes the effects of the machine as a live job does, and records them. */
class MachineUnderTest {
  readonly nodes: Map<string, NodeStatus>;
  readonly log: string[] = [];
  readonly outcomes: JobStatus[] = [];
  /** Nodes that got `run`. */
  readonly started: string[] = [];
  /** Other live jobs of nodes; nodes without an entry have none. */
  readonly otherJobs = new Map<string, OtherJobs>();
  state: JobState;
  private readonly queue: (() => JobInput | undefined)[] = [];

  constructor(nodes: readonly NodeStatus[], quorum: number, status: JobStatus = 'voting') {
    this.nodes = new Map(nodes.map((node, index) => [`n${index}`, node]));
    this.state = jobState(status, quorum, this.nodes.values());
  }

  node(name: string, input: JobNodeInput): this {
    return this.together([name, input]);
  }

  /** Queues all inputs before the machine handles the first one. */
  together(...inputs: (readonly [node: string, input: JobNodeInput])[]): this {
    for (const [name, input] of inputs) this.queue.push(() => this.nodeInput(name, input));
    return this.drain();
  }

  give(type: Exclude<JobInput['type'], 'node'>): this {
    this.queue.push(() => ({ type }));
    return this.drain();
  }

  /** How many nodes are in this status: by the tally of the machine, and by its `set_node` effects. */
  counted(status: NodeStatus): [tally: number, set: number] {
    return [this.state.tally[status], [...this.nodes.values()].filter((each) => each === status).length];
  }

  private nodeInput(node: string, input: JobNodeInput): JobInput {
    const otherJobs = this.otherJobs.get(node) ?? 'none';
    return { type: 'node', node, status: this.nodes.get(node)!, input, otherJobs };
  }

  private drain(): this {
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) {
      const { state, effects } = reduceJob(this.state, next()!);
      this.state = state;
      for (const effect of effects) this.execute(effect);
    }
    return this;
  }

  private execute(effect: JobEffect): void {
    switch (effect.type) {
      case 'emit': {
        const { name, data } = effect.event;
        this.log.push([name, ...Object.values(data as Record<string, unknown>)].join(' '));
        return;
      }
      case 'set_node':
        this.nodes.set(effect.node, effect.status);
        return;
      case 'rehab':
        this.log.push(`(abort ${effect.node})`);
        return;
      case 'each_node':
        for (const [name, status] of this.nodes) {
          if (!effect.statuses.includes(status)) continue;
          this.queue.push(() => this.nodeInput(name, effect.input));
        }
        return;
      case 'run':
        for (const [name, status] of this.nodes) if (status === 'ready') this.started.push(name);
        this.log.push('(run)');
        return;
      case 'store_outcome':
        this.outcomes.push(effect.status);
        this.log.push(`(store ${effect.status})`);
        return;
      case 'ended':
        this.log.push('(ended)');
    }
  }
}

const fresh = (count: number): NodeStatus[] => Array<NodeStatus>(count).fill('new');

describe('a job that votes', () => {
  test('runs when all nodes have voted and the quorum is reached', () => {
    const job = new MachineUnderTest(fresh(3), 2);
    job.node('n0', 'ack_commit').node('n1', 'ack_commit');
    expect(job.state).toMatchObject({ phase: 'voting', status: 'voting' });
    job.node('n2', 'nack_commit');
    expect(job.log).toEqual([
      'quorum_vote n0 success',
      'quorum_vote n1 success',
      'quorum_vote n2 failure',
      'quorum_succeeded',
      '(run)',
    ]);
    expect(job.state).toMatchObject({ phase: 'running', status: 'running' });
    expect(job.started).toEqual(['n0', 'n1']);
  });

  test('releases the ready nodes without an event when the quorum fails', () => {
    const job = new MachineUnderTest(fresh(2), 2);
    job.node('n0', 'ack_commit').node('n1', 'nack_commit').give('outcome_stored');
    expect(job.log).toEqual([
      'quorum_vote n0 success',
      'quorum_vote n1 failure',
      '(abort n0)',
      '(store quorum_failed)',
      'job_complete quorum_failed',
      '(ended)',
    ]);
    expect(job.started).toEqual([]);
    expect(Object.fromEntries(job.nodes)).toEqual({ n0: 'was_ready', n1: 'nacked' });
  });

  test('is complete at once with a quorum of 0 and no ready node', () => {
    const job = new MachineUnderTest(fresh(1), 0).node('n0', 'down');
    expect(job.log).toEqual([
      'quorum_vote n0 down',
      'rehab n0',
      '(abort n0)',
      'quorum_succeeded',
      '(run)',
      '(store complete)',
      'job_complete complete',
    ]);
  });

  test('fails the quorum if it is greater than the number of nodes', () => {
    const job = new MachineUnderTest(fresh(1), 5).node('n0', 'ack_commit');
    expect(job.outcomes).toEqual(['quorum_failed']);
  });

  test('ends although a ready node should get commit again while the quorum fails', () => {
    const job = new MachineUnderTest(fresh(2), 2).node('n0', 'ack_commit');
    job.together(['n1', 'nack_commit'], ['n0', 'commit_resent']).node('n0', 'ack_commit');
    expect(job.outcomes).toEqual(['quorum_failed']);
  });

  test('ends nodes without a vote at the voting timeout, without a rehab event', () => {
    const job = new MachineUnderTest(fresh(2), 1).node('n0', 'ack_commit').give('voting_timeout');
    expect(job.log.slice(1)).toEqual([
      'quorum_vote n1 voting_timeout',
      '(abort n1)',
      'quorum_succeeded',
      '(run)',
    ]);
  });

  test.each<['voting_timeout' | 'abort_requested', JobStatus, NodeStatus]>([
    ['voting_timeout', 'quorum_failed', 'unavailable'],
    ['abort_requested', 'aborted', 'aborted'],
  ])('sends no abort to a node that is busy and has not voted when it ends by %s', (end, outcome, status) => {
    const job = new MachineUnderTest(fresh(2), 2);
    job.otherJobs.set('n0', 'pending');
    job.give(end).node('n0', 'nack_commit');
    expect(job.log.filter((line) => line.startsWith('(abort'))).toEqual(['(abort n1)']);
    expect(job.nodes.get('n0')).toBe(status);
    expect(job.outcomes).toEqual([outcome]);
    expect(job.node('n0', 'ack_commit').log.at(-1)).toBe('(abort n0)');
  });

  test('ignores timeouts and aborts after its end', () => {
    const job = new MachineUnderTest(fresh(1), 1).node('n0', 'nack_commit').give('outcome_stored');
    const before = [...job.log];
    job.give('run_timeout').give('voting_timeout').give('abort_requested');
    expect(job.log).toEqual(before);
  });
});

describe('a job that runs', () => {
  const running = (): MachineUnderTest => {
    const job = new MachineUnderTest(fresh(2), 2).node('n0', 'ack_commit').node('n1', 'ack_commit');
    job.log.length = 0;
    return job;
  };

  test('is complete when the last node has ended, with any status', () => {
    const job = running().node('n0', 'ack_run').node('n0', 'failed').node('n1', 'nack_run');
    job.give('outcome_stored');
    expect(job.log).toEqual([
      'run_start n0',
      'run_complete n0 failure',
      'rehab n1',
      '(abort n1)',
      'run_complete n1 run_nacked',
      '(store complete)',
      'job_complete complete',
      '(ended)',
    ]);
  });

  test('ends as timed_out at the run timeout, without events for its nodes', () => {
    const job = running().node('n0', 'ack_run').give('run_timeout').give('outcome_stored');
    expect(job.log).toEqual([
      'run_start n0',
      '(abort n0)',
      '(abort n1)',
      '(store timed_out)',
      'job_complete timed_out',
      '(ended)',
    ]);
    expect(job.counted('timed_out')).toEqual([2, 2]);
  });

  test.each<['run_timeout' | 'abort_requested', JobStatus]>([
    ['run_timeout', 'timed_out'],
    ['abort_requested', 'aborted'],
  ])('sends no abort to a node that has voted yes to another job when it ends by %s', (end, outcome) => {
    const job = running().node('n0', 'ack_run');
    job.otherJobs.set('n0', 'committed').set('n1', 'pending');
    job.give(end);
    expect(job.log.filter((line) => line.startsWith('(abort'))).toEqual(['(abort n1)']);
    expect(job.outcomes).toEqual([outcome]);
  });

  test('ends as aborted when a user aborts it, in either phase', () => {
    expect(running().give('abort_requested').outcomes).toEqual(['aborted']);
    expect(new MachineUnderTest(fresh(2), 2).give('abort_requested').outcomes).toEqual(['aborted']);
  });

  test('shows its outcome only after that is stored', () => {
    const job = running().give('run_timeout');
    expect(job.state.status).toBe('running');
    expect(job.give('outcome_stored').state.status).toBe('timed_out');
  });
});

describe('a job that is restored after a restart', () => {
  test.each<[string, JobStatus, NodeStatus[], string[]]>([
    ['counts the votes if all have come', 'voting', ['ready', 'nacked'], ['quorum_succeeded', '(run)']],
    ['still waits for votes', 'voting', ['ready', 'new'], []],
    ['still waits for results', 'running', ['succeeded', 'running'], []],
    [
      'ends if all nodes have ended',
      'running',
      ['succeeded', 'failed'],
      ['(store complete)', 'job_complete complete'],
    ],
    [
      'ends as quorum_failed if it was ending so',
      'voting',
      ['was_ready', 'nacked'],
      ['(store quorum_failed)', 'job_complete quorum_failed'],
    ],
    [
      'ends as timed_out if it was ending so',
      'running',
      ['timed_out', 'running'],
      ['(abort n1)', '(store timed_out)', 'job_complete timed_out'],
    ],
    [
      'ends as aborted if it was ending so',
      'running',
      ['aborted', 'running'],
      ['(abort n1)', '(store aborted)', 'job_complete aborted'],
    ],
    [
      'ends as aborted if it was ending so before its run',
      'voting',
      ['new', 'aborted'],
      ['(abort n0)', '(store aborted)', 'job_complete aborted'],
    ],
  ])('%s', (_what, status, nodes, log) => {
    const job = new MachineUnderTest(
      nodes,
      status === 'voting' && nodes.includes('was_ready') ? 2 : 1,
      status,
    );
    expect(job.give('recovered').log).toEqual(log);
  });

  test('only emits its end again if it was over', () => {
    const job = new MachineUnderTest(['succeeded'], 1, 'complete');
    expect(job.give('recovered').log).toEqual(['job_complete complete', '(ended)']);
    expect(job.state).toMatchObject({ phase: 'over', status: 'complete' });
  });

  test('votes if it was stored as new', () => {
    expect(jobState('new', 1, ['new'])).toMatchObject({ phase: 'voting', status: 'voting' });
  });
});

describe('any inputs in any order', () => {
  const NODE_INPUTS: readonly JobNodeInput[] = [
    'ack_commit',
    'nack_commit',
    'ack_run',
    'nack_run',
    'succeeded',
    'failed',
    'aborted',
    'down',
    'switched_job',
    'commit_resent',
  ];
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.record({ node: fc.nat(3), input: fc.constantFrom(...NODE_INPUTS) }) },
    { weight: 1, arbitrary: fc.constantFrom('voting_timeout' as const, 'run_timeout' as const) },
    { weight: 1, arbitrary: fc.constantFrom('abort_requested' as const, 'recovered' as const) },
  );
  const scenario = fc.record({
    nodes: fc.integer({ min: 1, max: 4 }),
    quorum: fc.nat(5),
    otherJobs: fc.array(fc.constantFrom<OtherJobs>('none', 'pending', 'committed'), { maxLength: 4 }),
    steps: fc.array(step, { maxLength: 40 }),
  });

  test('keep final statuses and the tally correct, never run after a failed quorum, and end the job once', () => {
    fc.assert(
      fc.property(scenario, ({ nodes, quorum, otherJobs, steps }) => {
        const job = new MachineUnderTest(fresh(nodes), quorum);
        for (const [n, each] of otherJobs.entries()) job.otherJobs.set(`n${n}`, each);
        const seen = new Map<string, NodeStatus>();
        const check = (): void => {
          for (const [name, status] of job.nodes) {
            const before = seen.get(name);
            if (before !== undefined && isNodeDone(before)) expect(status).toBe(before);
            seen.set(name, status);
            const [counted, set] = job.counted(status);
            expect(counted).toBe(set);
          }
          expect(job.outcomes.length).toBeLessThanOrEqual(1);
        };
        for (const each of steps) {
          if (typeof each === 'string') {
            // The run timer does not exist before the run.
            if (each !== 'run_timeout' || job.started.length > 0) job.give(each);
          } else if (each.node < nodes) job.node(`n${each.node}`, each.input);
          check();
        }
        job.give('voting_timeout');
        check();
        if (job.log.includes('(run)')) job.give('run_timeout');
        check();
        expect(job.outcomes).toHaveLength(1);
        expect(job.state.phase).toBe('over');
        if (job.outcomes[0] === 'quorum_failed') expect(job.started).toEqual([]);
        expect(job.log.filter((line) => line === '(run)').length).toBeLessThanOrEqual(1);
        expect(new Set(job.started).size).toBe(job.started.length);
      }),
      { numRuns: 1_000 },
    );
  });
});
