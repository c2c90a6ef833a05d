import type { ServerConfig } from '../../src/server/config/server-config.js';
import type { NodeState } from '../../src/shared/protocol/rest-schemas.js';
import { forEachConcurrently } from '../load/for-each-concurrently.js';
import { eventually } from './eventually.js';
import { voteAndRun } from './late-voter.js';
import { type CellPlan, OutageCell } from './outage-cell.js';
import type { NetworkOutage } from './outage-proxy.js';
import { ServerProcess } from './server-process.js';
import { ServerUnderTest } from './server-under-test.js';
import type { SimulatedNode } from './simulated-node.js';
import { type StoredJobNode, StatusWatcher } from './status-watcher.js';

/** What fails: the network of each node, or the server, which is started again at once. */
export type OutageWay = NetworkOutage | 'SIGTERM' | 'SIGKILL';

export interface OutageRunOptions {
  readonly way: OutageWay;
  readonly plans: readonly CellPlan[];
  readonly settings: Partial<ServerConfig>;
  /** The interval in the field that one heartbeat interval of the test stands for, in seconds. */
  readonly fieldIntervalSeconds: number;
}

/** What became of the job of one cell. */
export interface CellOutcome {
  readonly plan: CellPlan;
  readonly stored: StoredJobNode;
  readonly runs: number;
  readonly hasEnded: boolean;
  readonly wasKilled: boolean;
  /** The node sent its result into a dead connection, or threw it away. */
  readonly isResultMaybeLost: boolean;
}

export interface RunOutcome {
  readonly cells: readonly CellOutcome[];
  /** Final statuses that changed. */
  readonly changes: readonly string[];
  readonly loggedErrors: readonly string[];
}

/** For what many nodes do at once on a busy machine. */
const LONG_WAIT = { withinMs: 240_000, everyMs: 500 };

/** Nodes that connect at the same time: a node that is answered late opens its sockets again, as the Ruby client does. */
const OPENED_AT_ONCE = 6;

/** Nodes may still send something for this number of server heartbeats after all jobs have ended. */
const HEARTBEATS_AFTERWARDS = 8;

/** Runs all cells at once on one server process: each node has its own job and its own outage. */
export const runOutage = async (options: OutageRunOptions): Promise<RunOutcome> => {
  let running: ServerProcess | undefined;
  const server = await ServerUnderTest.start(options.settings, async (config, secrets) => {
    running = await ServerProcess.start(config, secrets);
    return running;
  });
  const cells: OutageCell[] = [];
  try {
    const run = new OutageRun(server, () => running!, options);
    await run.openCells(cells);
    return await run.finish(cells);
  } finally {
    await Promise.all(cells.map((cell) => cell.close()));
    await server.close();
  }
};

class OutageRun {
  private readonly watcher: StatusWatcher;
  private readonly voters = new Map<OutageCell, SimulatedNode>();
  private readonly votes: Promise<void>[] = [];

  constructor(
    private readonly server: ServerUnderTest,
    private readonly process: () => ServerProcess,
    private readonly options: OutageRunOptions,
  ) {
    this.watcher = new StatusWatcher(server.database);
  }

  private get signal(): 'SIGTERM' | 'SIGKILL' | undefined {
    const { way } = this.options;
    return way === 'SIGTERM' || way === 'SIGKILL' ? way : undefined;
  }

  /** Connects all nodes, and adds each cell to this list as soon as it exists. */
  async openCells(cells: OutageCell[]): Promise<void> {
    const { way, plans, fieldIntervalSeconds } = this.options;
    const outage = way === 'SIGTERM' || way === 'SIGKILL' ? 'refused' : way;
    const healsByItself = this.signal === undefined;
    const open = async (plan: CellPlan): Promise<void> => {
      const cell = await OutageCell.open(this.server, plan, outage, { fieldIntervalSeconds, healsByItself });
      cells.push(cell);
      if (plan.phase === 'voted, not told to run')
        this.voters.set(cell, await this.server.availableNode(`${plan.node}-voter`));
    };
    await forEachConcurrently(OPENED_AT_ONCE, plans, open);
    await eventually(async () => {
      const { body } = await this.server.get<NodeState[]>('node_states');
      const available = body.filter(({ availability }) => availability === 'available');
      return available.length >= plans.length + this.voters.size;
    }, LONG_WAIT);
  }

  /** Brings each job to its phase, lets the outage happen, and waits until all jobs have ended. */
  async finish(cells: readonly OutageCell[]): Promise<RunOutcome> {
    await this.bringToPhases(cells);
    if (this.signal !== undefined) await this.restartServer(cells, this.signal);
    else for (const cell of cells) cell.begin();
    for (const [cell, voter] of this.voters) this.votes.push(voteAndRun(voter, cell.jobId!));
    await eventually(async () => {
      const stored = [...(await this.watcher.read()).entries()];
      const live = stored.filter(([, { isJobOver }]) => !isJobOver);
      if (live.length > 0) throw new Error(`jobs that have not ended: ${JSON.stringify(live)}`);
      return true;
    }, LONG_WAIT);
    await Promise.all(this.votes);
    await eventually(() => cells.every(hasItsCommandEnded), LONG_WAIT);
    await this.waitForHeartbeats();
    const stored = await this.watcher.read();
    return {
      cells: cells.map((cell) => outcomeOf(cell, stored.get(`${cell.jobId}/${cell.plan.node}`)!)),
      changes: this.watcher.changes,
      loggedErrors: this.process().loggedErrors,
    };
  }

  private async bringToPhases(cells: readonly OutageCell[]): Promise<void> {
    const isSteady = ({ plan: { phase } }: OutageCell): boolean =>
      phase.startsWith('running') || phase === 'voted, not told to run';
    const start = (cell: OutageCell): Promise<void> =>
      cell.startJob(this.voters.has(cell) ? [`${cell.plan.node}-voter`] : []);
    const steady = cells.filter(isSteady);
    await Promise.all(steady.map(start));
    await eventually(async () => {
      const stored = await this.watcher.read();
      return steady.every(({ jobId, plan: { node, phase } }) => {
        const status = stored.get(`${jobId}/${node}`)?.status;
        return status === (phase.startsWith('running') ? 'running' : 'ready');
      });
    }, LONG_WAIT);
    const others = cells.filter((cell) => !isSteady(cell));
    await Promise.all(others.map(start));
    await eventually(() => others.every(({ hasBegun }) => hasBegun), LONG_WAIT);
  }

  private async restartServer(cells: readonly OutageCell[], signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    for (const cell of cells) cell.expectOutage();
    await (signal === 'SIGKILL' ? this.process().kill() : this.process().stop());
    for (const cell of cells) cell.begin();
    await this.server.startServer();
    for (const cell of cells) cell.healWhenDue();
  }

  private async waitForHeartbeats(): Promise<void> {
    const observer = await this.server.connect(await this.server.createIdentity('observer'));
    await observer.expectServerHeartbeats(HEARTBEATS_AFTERWARDS);
  }
}

const hasItsCommandEnded = ({ node, jobId }: OutageCell): boolean =>
  !node.runs.has(jobId!) || node.ended.has(jobId!) || node.killed.includes(jobId!);

const outcomeOf = ({ plan, node, jobId }: OutageCell, stored: StoredJobNode): CellOutcome => ({
  plan,
  stored,
  runs: node.runs.get(jobId!) ?? 0,
  hasEnded: node.ended.has(jobId!),
  wasKilled: node.killed.length > 0,
  isResultMaybeLost: node.fates.maybeLost.has(jobId!),
});
