import { eventually } from './eventually.js';
import { NodeNetwork } from './node-network.js';
import type { NetworkOutage } from './outage-proxy.js';
import { RubyLikeNode, type RubyLikeStep } from './ruby-like-node.js';
import { ORG, type ServerUnderTest } from './server-under-test.js';

/** Where a node is in its job when its outage begins, or when its command ends. */
export const PHASES = [
  'not asked yet',
  'asked, not voted',
  'voted, not told to run',
  'told to run, not started',
  'running, ends in the outage',
  'running, ends after the outage',
] as const;
export type Phase = (typeof PHASES)[number];

/** The outage of one node: how long, in heartbeat intervals, and when. */
export interface CellPlan {
  readonly node: string;
  readonly phase: Phase;
  readonly intervals: number;
  /** How long its command runs: after the outage for the last phase, else after its start; in intervals. */
  readonly runIntervals: number;
}

const STEP_THAT_BEGINS: Partial<Record<Phase, RubyLikeStep>> = {
  'asked, not voted': 'asked',
  'told to run, not started': 'told to run',
};

/** One node in the matrix, with its own network and its own job. Close it at the end. */
export class OutageCell {
  readonly node: RubyLikeNode;
  jobId: string | undefined;
  step: RubyLikeStep | 'idle' = 'idle';
  hasBegun = false;
  private beganAt = 0;
  private readonly timers = new Set<NodeJS.Timeout>();

  private constructor(
    private readonly server: ServerUnderTest,
    readonly plan: CellPlan,
    private readonly network: NodeNetwork,
    identity: Awaited<ReturnType<ServerUnderTest['createIdentity']>>,
    private readonly outage: NetworkOutage,
    fieldIntervalSeconds: number,
    private readonly healsByItself: boolean,
  ) {
    this.node = new RubyLikeNode({
      org: ORG,
      identity,
      fetchConfig: () => network.fetch(() => server.fetchConfig(identity)),
      intervalMs: this.intervalMs,
      fieldIntervalSeconds,
      onStep: (step, jobId) => this.onStep(step, jobId),
    });
  }

  /**
   * Connects the node of this plan. If `healsByItself`, its network works again when the time of the plan is over, else
   * when the test calls `heal`.
   */
  static async open(
    server: ServerUnderTest,
    plan: CellPlan,
    outage: NetworkOutage,
    { fieldIntervalSeconds, healsByItself }: { fieldIntervalSeconds: number; healsByItself: boolean },
  ): Promise<OutageCell> {
    const [network, identity] = await Promise.all([
      NodeNetwork.open(server.config),
      server.createIdentity(plan.node),
    ]);
    const cell = new OutageCell(server, plan, network, identity, outage, fieldIntervalSeconds, healsByItself);
    await eventually(() => cell.node.start().then(() => true)); // a request may time out on a busy machine
    return cell;
  }

  private get intervalMs(): number {
    return this.server.config.heartbeat_interval;
  }

  /** Starts the job of this node; `others` take part in it. */
  async startJob(others: readonly string[] = []): Promise<void> {
    if (this.plan.phase === 'not asked yet') this.begin();
    this.jobId = await this.server.startJob({ nodes: [this.plan.node, ...others], command: this.plan.node });
  }

  /** Lets the outage of this node begin, unless it has begun. */
  begin(): void {
    if (this.hasBegun) return;
    const { phase, intervals } = this.plan;
    this.hasBegun = true;
    this.beganAt = performance.now();
    this.node.fates.networkFailed();
    this.network.begin(this.outage);
    if (phase === 'running, ends in the outage') this.after(intervals / 2, () => this.endCommand());
    if (this.healsByItself) this.after(intervals, () => this.heal());
  }

  /** Warns the cell that the network will fail: what the node has just sent may get lost. */
  expectOutage(): void {
    this.node.fates.networkFailed();
  }

  /** Ends the outage when it has lasted as long as planned, at once if that is over. */
  healWhenDue(): void {
    const left = this.plan.intervals - (performance.now() - this.beganAt) / this.intervalMs;
    if (left <= 0) this.heal();
    else this.after(left, () => this.heal());
  }

  async close(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer);
    this.node.close();
    await this.network.close();
  }

  private heal(): void {
    const { phase, runIntervals } = this.plan;
    this.network.heal();
    if (this.outage === 'stalled') this.node.fates.networkHealed();
    if (phase === 'running, ends after the outage') this.after(runIntervals, () => this.endCommand());
  }

  private endCommand(): void {
    if (this.jobId !== undefined) this.node.endCommand(this.jobId);
  }

  private onStep(step: RubyLikeStep, jobId: string): void {
    const { phase, runIntervals } = this.plan;
    this.step = step;
    if (step === STEP_THAT_BEGINS[phase]) this.begin();
    if (step === 'started' && !phase.startsWith('running'))
      this.after(runIntervals, () => this.node.endCommand(jobId));
  }

  private after(intervals: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      act();
    }, intervals * this.intervalMs);
    this.timers.add(timer);
  }
}
