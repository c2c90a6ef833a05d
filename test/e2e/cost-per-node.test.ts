import { createPrivateKey } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { context } from 'zeromq';
import { decryptSessionKey } from '../../src/shared/protocol/session-key.js';
import { forEachAtOnce } from '../load/for-each-at-once.js';
import { type LoadCounts, LoadNode } from '../load/load-node.js';
import { eventually } from '../support/eventually.js';
import { ORG, ServerUnderTest } from '../support/server-under-test.js';

const FEW = 100;
const MANY = 600;
const FETCHES_AT_ONCE = 8;
const RUNS = 4;

/** What is done once for a job makes a node of a large one cheaper; work that grows with the nodes makes it dearer. */
const MOST_GROWTH = 1.5;

const names = Array.from({ length: MANY }, (_, index) => `web${index}`);
const nodes: LoadNode[] = [];
const counts: LoadCounts = { heartbeats: 0, commands: 0, serverHeartbeats: 0, bad: 0 };
let server: ServerUnderTest;

const addNode = async (name: string): Promise<void> => {
  const identity = await server.identity(name);
  const config = await server.configOf(identity);
  const node = new LoadNode(
    {
      org: ORG,
      node: name,
      curve: identity.curve,
      sessionKey: decryptSessionKey(createPrivateKey(identity.key), config.encoded_session_key.key)!,
      serverCurveKey: config.curve_public_key!,
      commandAddress: config.push_jobs.heartbeat.command_addr,
      commandMs: 0,
    },
    counts,
  );
  nodes.push(node);
  node.beat();
};

beforeAll(async () => {
  context.maxSockets = 2 * MANY;
  server = await ServerUnderTest.start({ heartbeat_interval: 30_000, rehab_timer: 10_000 });
  await forEachAtOnce(FETCHES_AT_ONCE, names, addNode);
  await eventually(
    async () => {
      const { body } = await server.get<{ availability: string }[]>('node_states');
      return body.filter(({ availability }) => availability === 'available').length === MANY;
    },
    { withinMs: 30_000, everyMs: 200 },
  );
}, 120_000);

afterAll(async () => {
  for (const node of nodes) node.close();
  await server.close();
});

/** Microseconds of CPU, of the server and the nodes that are played together, for each node of a job. */
const costOfJob = async (nodeCount: number): Promise<number> => {
  const before = process.cpuUsage();
  const id = await server.startJob({ nodes: names.slice(0, nodeCount) });
  const job = await eventually(
    async () => {
      const job = await server.job(id);
      return job.status === 'complete' && job;
    },
    { withinMs: 30_000, everyMs: 100 },
  );
  const { user, system } = process.cpuUsage(before);
  expect(job.nodes.succeeded).toHaveLength(nodeCount);
  return (user + system) / nodeCount;
};

test('a node of a job on many nodes costs no more than one of a job on few', async () => {
  const few: number[] = [];
  const many: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    few.push(await costOfJob(FEW));
    many.push(await costOfJob(MANY));
  }
  expect(Math.min(...many) / Math.min(...few)).toBeLessThan(MOST_GROWTH);
  expect(counts.bad).toBe(0);
});
