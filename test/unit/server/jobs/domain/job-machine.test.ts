import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type JobEffect,
  type JobInput,
  type JobState,
  jobState,
  reduceJob,
} from '../../../../../src/server/jobs/domain/job-machine.js';
import type { Elsewhere, PartInput } from '../../../../../src/server/jobs/domain/job-node-machine.js';
import {
  isNodeDone,
  type JobStatus,
  type NodeStatus,
} from '../../../../../src/shared/protocol/job-status.js';

/** Executes the machine's effects as its owner does, and keeps all that it asked for. */
class MachineUnderTest {
  readonly nodes: Map<string, NodeStatus>;
  readonly log: string[] = [];
  readonly outcomes: JobStatus[] = [];
  readonly told: string[] = [];
  /** What nodes have to do in other jobs; those that are not here are free. */
  readonly elsewhere = new Map<string, Elsewhere>();
  state: JobState;
  private readonly queue: (() => JobInput | undefined)[] = [];

  constructor(nodes: readonly NodeStatus[], quorum: number, status: JobStatus = 'voting') {
    this.nodes = new Map(nodes.map((node, index) => [`n${index}`, node]));
    this.state = jobState(status, quorum, this.nodes.values());
  }

  node(name: string, input: PartInput): this {
    return this.together([name, input]);
  }

  /** All this came while the machine was at something else. */
  together(...inputs: (readonly [node: string, input: PartInput])[]): this {
    for (const [name, input] of inputs) this.queue.push(() => this.partInput(name, input));
    return this.drain();
  }

  give(type: Exclude<JobInput['type'], 'part'>): this {
    this.queue.push(() => ({ type }));
    return this.drain();
  }

  /** Nodes that are in this status by what the machine counts, and by what it asked to be set. */
  counted(status: NodeStatus): [counted: number, set: number] {
    return [this.state.tally[status], [...this.nodes.values()].filter((each) => each === status).length];
  }

  private partInput(node: string, input: PartInput): JobInput {
    const elsewhere = this.elsewhere.get(node) ?? 'free';
    return { type: 'part', node, status: this.nodes.get(node)!, input, elsewhere };
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
      case 'each':
        for (const [name, status] of this.nodes) {
          if (!effect.statuses.includes(status)) continue;
          this.queue.push(() => this.partInput(name, effect.input));
        }
        return;
      case 'run':
        for (const [name, status] of this.nodes) if (status === 'ready') this.told.push(name);
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
  test('runs when as many are ready as the quorum asks, and only then', () => {
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
    expect(job.told).toEqual(['n0', 'n1']);
  });

  test('fails its quorum without an event for the ready nodes, which are let go', () => {
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
    expect(job.told).toEqual([]);
    expect(Object.fromEntries(job.nodes)).toEqual({ n0: 'was_ready', n1: 'nacked' });
  });

  test('with nobody ready and a quorum of 0 is complete at once', () => {
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

  test('with a quorum that cannot be reached fails at the vote', () => {
    const job = new MachineUnderTest(fresh(1), 5).node('n0', 'ack_commit');
    expect(job.outcomes).toEqual(['quorum_failed']);
  });

  test('ends also where a ready node was to be asked again just when the quorum failed', () => {
    const job = new MachineUnderTest(fresh(2), 2).node('n0', 'ack_commit');
    job.together(['n1', 'nack_commit'], ['n0', 'asked_again']).node('n0', 'ack_commit');
    expect(job.outcomes).toEqual(['quorum_failed']);
  });

  test('ends the votes that have not come at the voting timeout, without a rehab event', () => {
    const job = new MachineUnderTest(fresh(2), 1).node('n0', 'ack_commit').give('voting_timeout');
    expect(job.log.slice(1)).toEqual([
      'quorum_vote n1 voting_timeout',
      '(abort n1)',
      'quorum_succeeded',
      '(run)',
    ]);
  });

  test.each<['voting_timeout' | 'called_off', JobStatus, NodeStatus]>([
    ['voting_timeout', 'quorum_failed', 'unavailable'],
    ['called_off', 'aborted', 'aborted'],
  ])('leaves a node that is busy and did not answer alone at its end by %s', (end, outcome, status) => {
    const job = new MachineUnderTest(fresh(2), 2);
    job.elsewhere.set('n0', 'asked');
    job.give(end).node('n0', 'nack_commit');
    expect(job.log.filter((line) => line.startsWith('(abort'))).toEqual(['(abort n1)']);
    expect(job.nodes.get('n0')).toBe(status);
    expect(job.outcomes).toEqual([outcome]);
    expect(job.node('n0', 'ack_commit').log.at(-1)).toBe('(abort n0)');
  });

  test('takes no notice of a run timeout that comes late from nowhere after its end', () => {
    const job = new MachineUnderTest(fresh(1), 1).node('n0', 'nack_commit').give('outcome_stored');
    const before = [...job.log];
    job.give('run_timeout').give('voting_timeout').give('called_off');
    expect(job.log).toEqual(before);
  });
});

describe('a job that runs', () => {
  const running = (): MachineUnderTest => {
    const job = new MachineUnderTest(fresh(2), 2).node('n0', 'ack_commit').node('n1', 'ack_commit');
    job.log.length = 0;
    return job;
  };

  test('is complete when the last node has ended, however it ended', () => {
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

  test('is timed_out at the run timeout, without events for its nodes', () => {
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

  test.each<['run_timeout' | 'called_off', JobStatus]>([
    ['run_timeout', 'timed_out'],
    ['called_off', 'aborted'],
  ])('leaves a node that has said yes to another job meanwhile alone at its end by %s', (end, outcome) => {
    const job = running().node('n0', 'ack_run');
    job.elsewhere.set('n0', 'agreed').set('n1', 'asked');
    job.give(end);
    expect(job.log.filter((line) => line.startsWith('(abort'))).toEqual(['(abort n1)']);
    expect(job.outcomes).toEqual([outcome]);
  });

  test('is aborted when it is called off, in either phase', () => {
    expect(running().give('called_off').outcomes).toEqual(['aborted']);
    expect(new MachineUnderTest(fresh(2), 2).give('called_off').outcomes).toEqual(['aborted']);
  });

  test('shows its outcome only when that is stored', () => {
    const job = running().give('run_timeout');
    expect(job.state.status).toBe('running');
    expect(job.give('outcome_stored').state.status).toBe('timed_out');
  });
});

describe('a job that is taken up after a restart', () => {
  test.each<[string, JobStatus, NodeStatus[], string[]]>([
    ['counts votes that are all there', 'voting', ['ready', 'nacked'], ['quorum_succeeded', '(run)']],
    ['goes on to wait for votes', 'voting', ['ready', 'new'], []],
    ['goes on to wait for results', 'running', ['succeeded', 'running'], []],
    [
      'ends where all nodes have',
      'running',
      ['succeeded', 'failed'],
      ['(store complete)', 'job_complete complete'],
    ],
    [
      'ends a failed quorum',
      'voting',
      ['was_ready', 'nacked'],
      ['(store quorum_failed)', 'job_complete quorum_failed'],
    ],
    [
      'goes on to time out',
      'running',
      ['timed_out', 'running'],
      ['(abort n1)', '(store timed_out)', 'job_complete timed_out'],
    ],
    [
      'goes on to be aborted',
      'running',
      ['aborted', 'running'],
      ['(abort n1)', '(store aborted)', 'job_complete aborted'],
    ],
    [
      'goes on to be aborted before its run',
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

  test('that was over tells its end again and nothing else', () => {
    const job = new MachineUnderTest(['succeeded'], 1, 'complete');
    expect(job.give('recovered').log).toEqual(['job_complete complete', '(ended)']);
    expect(job.state).toMatchObject({ phase: 'over', status: 'complete' });
  });

  test('that was stored as new counts as voting', () => {
    expect(jobState('new', 1, ['new'])).toMatchObject({ phase: 'voting', status: 'voting' });
  });
});

describe('whatever comes in whatever order', () => {
  const PART_INPUTS: readonly PartInput[] = [
    'ack_commit',
    'nack_commit',
    'ack_run',
    'nack_run',
    'succeeded',
    'failed',
    'aborted',
    'down',
    'moved_on',
    'asked_again',
  ];
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.record({ node: fc.nat(3), input: fc.constantFrom(...PART_INPUTS) }) },
    { weight: 1, arbitrary: fc.constantFrom('voting_timeout' as const, 'run_timeout' as const) },
    { weight: 1, arbitrary: fc.constantFrom('called_off' as const, 'recovered' as const) },
  );
  const scenario = fc.record({
    nodes: fc.integer({ min: 1, max: 4 }),
    quorum: fc.nat(5),
    elsewhere: fc.array(fc.constantFrom<Elsewhere>('free', 'asked', 'agreed'), { maxLength: 4 }),
    steps: fc.array(step, { maxLength: 40 }),
  });

  test('terminal stays terminal, the tally is right, no failed quorum runs, and all ends once, when the timers fire', () => {
    fc.assert(
      fc.property(scenario, ({ nodes, quorum, elsewhere, steps }) => {
        const job = new MachineUnderTest(fresh(nodes), quorum);
        for (const [n, each] of elsewhere.entries()) job.elsewhere.set(`n${n}`, each);
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
            // A timer of the run is set by the run.
            if (each !== 'run_timeout' || job.told.length > 0) job.give(each);
          } else if (each.node < nodes) job.node(`n${each.node}`, each.input);
          check();
        }
        job.give('voting_timeout');
        check();
        if (job.log.includes('(run)')) job.give('run_timeout');
        check();
        expect(job.outcomes).toHaveLength(1);
        expect(job.state.phase).toBe('over');
        if (job.outcomes[0] === 'quorum_failed') expect(job.told).toEqual([]);
        expect(job.log.filter((line) => line === '(run)').length).toBeLessThanOrEqual(1);
        expect(new Set(job.told).size).toBe(job.told.length);
      }),
      { numRuns: 1_000 },
    );
  });
});
