import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JobStatus } from '../../src/shared/protocol/job-status.js';
import { eventually } from '../support/eventually.js';
import { ResultKeepingNode } from '../support/result-keeping-node.js';
import { FAULTS, ServerPair } from '../support/server-pair.js';
import { ServerUnderTest } from '../support/server-under-test.js';

/** So long that a take-over ends before a node counts as offline. */
const HEARTBEAT_INTERVAL_MS = 5_000;
const NAMES = ['web1', 'web2', 'web3', 'web4', 'web5', 'web6'];
const LIVE: readonly JobStatus[] = ['voting', 'running'];
const TIMEOUT_MS = 600_000;

let pair: ServerPair;
let server: ServerUnderTest;
let nodes: ResultKeepingNode[];
/** Jobs that users were told of, and the final statuses that they saw of their nodes. */
const seen = new Map<string, Map<string, string>>();

beforeEach(async () => {
  seen.clear();
  server = await ServerUnderTest.start(
    { ha: true, heartbeat_interval: HEARTBEAT_INTERVAL_MS, voting_timeout: 30 },
    async (config, secrets) => (pair = await ServerPair.start(config, secrets)),
  );
  nodes = await Promise.all(
    NAMES.map(async (name) => {
      const node = await server.availableNode(name);
      return new ResultKeepingNode(name, node, () => Math.random() * 3_000);
    }),
  );
  repeat(tellNodesWhatIsStored, 100);
});
afterEach(async () => {
  for (const stop of repetitions.splice(0)) await stop();
  for (const node of nodes) node.stop();
  await server.close();
});

/** Starts a job on two random nodes, as users do. */
const startJob = async (): Promise<void> => {
  const first = Math.floor(Math.random() * NAMES.length);
  const chosen = [NAMES[first]!, NAMES[(first + 1) % NAMES.length]!];
  const posted = await server.post<{ uri: string }>('jobs', { command: 'work', nodes: chosen, quorum: 1 });
  if (posted.status === 201) seen.set(posted.body.uri.slice(-32), new Map());
};

/** Looks at the latest jobs, as users do. */
const lookAtJobs = async (): Promise<void> => {
  for (const [id, finals] of [...seen].slice(-5)) await look(id, finals);
};

/** Looks at a job; throws if a node's final status is not the one that was seen before. */
const look = async (id: string, finals: Map<string, string>): Promise<void> => {
  const { status, body } = await server.get<{ nodes: Record<string, string[]> }>(`jobs/${id}`);
  if (status !== 200) return;
  for (const [nodeStatus, names] of Object.entries(body.nodes)) {
    if (['new', 'ready', 'running'].includes(nodeStatus)) continue;
    for (const name of names) {
      const before = finals.get(name) ?? nodeStatus;
      if (before !== nodeStatus) throw new WentBack(`${name} in ${id} was ${before} and is ${nodeStatus}`);
      finals.set(name, nodeStatus);
    }
  }
};

class WentBack extends Error {}

const stored = (): Promise<{ id: string; node: string; job: JobStatus; status: string }[]> =>
  server.database.sql(
    `SELECT j.id, s.description AS job, n.node_name AS node, n.status FROM jobs j
     JOIN job_status s ON s.id = j.status JOIN job_nodes n ON n.job_id = j.id`,
  ) as Promise<{ id: string; node: string; job: JobStatus; status: string }[]>;

const NODE_LIVE = [0, 1, 2];
const SUCCEEDED = 3;

const tellNodesWhatIsStored = async (): Promise<void> => {
  for (const node of nodes) {
    if (node.unstoredResult === undefined) continue;
    const [row] = await server.database.sql(
      'SELECT status FROM job_nodes WHERE job_id = $1 AND node_name = $2',
      [node.unstoredResult, node.name],
    );
    if (!NODE_LIVE.includes(row?.status as number)) node.resultIsStored();
  }
};

const repetitions: (() => Promise<void>)[] = [];

/** Repeats this until the returned function is called; failures are expected while no server responds. */
const repeat = (work: () => Promise<void>, everyMs: number): (() => Promise<void>) => {
  let isStopped = false;
  let fault: unknown;
  const run = async (): Promise<void> => {
    while (!isStopped) {
      await work().catch((thrown: unknown) => {
        if (thrown instanceof WentBack) fault ??= thrown;
      });
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  };
  const running = run();
  const stop = async (): Promise<void> => {
    isStopped = true;
    await running;
    if (fault !== undefined) throw fault as Error;
  };
  repetitions.push(stop);
  return stop;
};

const shuffled = <T>(items: readonly T[]): T[] =>
  items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);

test(
  'every job ends, no command runs twice, and no final status changes, whatever happens to the active server',
  { timeout: TIMEOUT_MS },
  async () => {
    const stopStarting = repeat(startJob, 100);
    const stopLooking = repeat(lookAtJobs, 100);
    const exits: Record<string, unknown> = {};
    for (const fault of shuffled(FAULTS)) {
      const before = seen.size;
      await eventually(() => seen.size >= before + 8); // jobs in all phases
      pair.fail(fault);
      const failed = await pair.takeOver();
      exits[fault] = await pair.repair(failed);
      await pair.restart(failed);
    }
    await stopStarting();
    await stopLooking();
    expect(exits).toEqual({
      killed: 'SIGKILL',
      hangs: 75,
      'database path stalls': 75,
      'database path is cut': 75,
    });

    await eventually(async () => (await stored()).every(({ job }) => !LIVE.includes(job)), {
      withinMs: 120_000,
    });
    const rows = await stored();
    for (const [id, finals] of seen) await look(id, finals);
    for (const { id, node } of rows) {
      const { runs } = nodes.find(({ name }) => name === node)!;
      expect(runs.get(id) ?? 0).toBeLessThanOrEqual(1);
    }
    expect(rows.filter(({ status }) => Number(status) === SUCCEEDED).length).toBeGreaterThan(20);
  },
);

/** Counts the connections to the database that are older than this. */
const connectionsBefore = async (time: unknown): Promise<unknown> => {
  const [row] = await server.database.sql(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'push-jobs-server' AND backend_start < $1`,
    [time],
  );
  return row?.count;
};

test(
  'a request whose server lost the database ends with no job that nobody runs',
  { timeout: TIMEOUT_MS },
  async () => {
    await server.startJob({ nodes: ['web1'] }); // the organization has an owner
    const [start] = await server.database.sql('SELECT now() AS at');
    pair.fail('database path stalls');
    const posted = server.post('jobs', { command: 'lost', nodes: ['web2'] }).catch(() => undefined);
    const failed = await pair.takeOver();
    expect((await posted)?.status).not.toBe(201);
    expect(await pair.repair(failed)).toBe(75);
    const fatal = failed.process.logged.filter(({ level }) => level === 'fatal');
    expect(fatal).toHaveLength(1);
    await eventually(async () => (await connectionsBefore(start!.at)) === 0);
    expect(await server.database.sql(`SELECT id, status FROM jobs WHERE command = 'lost'`)).toEqual([]);
    await pair.restart(failed);
  },
);
