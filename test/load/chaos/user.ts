import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiError, Job, PushJobsClient } from '../../../src/shared/api-client/push-jobs-client.js';
import { isJobOver, isNodeDone, type NodeStatus } from '../../../src/shared/protocol/job-status.js';
import type { JobRecord } from './job-record.js';
import type { SeededRandom } from './seeded-random.js';

/** A user loses patience with a request after this time and repeats it. */
const PATIENCE_MS = 15_000;
const RETRY_AFTER_MS = 500;
const POLL_MS = 700;

/** Longest and shortest time that a command runs, in seconds. */
const COMMAND_SECONDS = [0.2, 8] as const;
const MOST_NODES = 5;

/** Probability that a user does not look first. */
const BLIND = 0.1;

/** What the users share. */
export interface SharedWork {
  readonly client: PushJobsClient;
  readonly random: SeededRandom;
  /** Nodes that no user's job uses at the moment. */
  readonly freeNodes: string[];
  readonly records: JobRecord[];
  readonly runTimeoutSeconds: number;
  /** A user waits no longer for the end of a job. */
  readonly limitMs: number;
}

/** Starts jobs one after the other until the signal aborts, and watches each to its end. */
export const workUntil = async (work: SharedWork, end: AbortSignal): Promise<void> => {
  const { random, freeNodes, records } = work;
  while (!end.aborted) {
    const nodes = await chooseNodes(work);
    if (nodes.length === 0) {
      await sleep(RETRY_AFTER_MS);
      continue;
    }
    const seconds = random.between(...COMMAND_SECONDS).toFixed(2);
    const command = `work ${seconds} ${records.length}`;
    const record: JobRecord = { command, nodes, requests: 0, seen: new Map(), seenOfJob: [] };
    records.push(record);
    await start(work, record);
    await watch(work, record, end);
    freeNodes.push(...nodes);
  }
};

/** Most users look first which nodes are there; the others also name nodes that are still away. */
const chooseNodes = async ({ client, random, freeNodes }: SharedWork): Promise<string[]> => {
  const count = random.whole(1, MOST_NODES);
  if (random.next() < BLIND) return random.takeFrom(freeNodes, count);
  const listed = await client.listNodes();
  if (!listed.ok) return [];
  const available = listed.value.filter(({ availability }) => availability === 'available');
  const names = new Set(available.map(({ node_name }) => node_name));
  const chosen = random.takeFrom(
    freeNodes.filter((name) => names.has(name)),
    count,
  );
  for (const name of chosen) freeNodes.splice(freeNodes.indexOf(name), 1);
  return chosen;
};

/** Repeats the request with the same key until the server accepts it or refuses it for good. */
const start = async (work: SharedWork, record: JobRecord): Promise<void> => {
  const { client, random, runTimeoutSeconds } = work;
  const { command, nodes } = record;
  const quorum = random.whole(1, nodes.length);
  const idempotencyKey = randomUUID();
  for (;;) {
    record.requests++;
    const started = await client.startJob(
      { command, nodes, quorum, run_timeout: runTimeoutSeconds },
      { idempotencyKey, signal: AbortSignal.timeout(PATIENCE_MS) },
    );
    if (started.ok) {
      record.id = started.value.id;
      return;
    }
    if (!mayRepeat(started.error)) {
      record.refusal = started.error.message;
      return;
    }
    await sleep(RETRY_AFTER_MS);
  }
};

const mayRepeat = (error: ApiError): boolean => error.isTransient || error.code === 'aborted';

/** Looks at the job until it has ended; looks once more a moment later, at most until the limit. */
const watch = async (work: SharedWork, record: JobRecord, end: AbortSignal): Promise<void> => {
  const { id } = record;
  if (id === undefined) return;
  const deadline = performance.now() + work.limitMs;
  while (performance.now() < deadline) {
    const job = await work.client.getJob(id, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (job.ok) observe(record, job.value);
    if (record.seenOfJob.length > 0) break;
    await sleep(POLL_MS);
  }
  if (end.aborted) return;
  await sleep(POLL_MS);
  const again = await work.client.getJob(id, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (again.ok) observe(record, again.value);
};

/** Adds what the job shows to what was seen of it. */
export const observe = (record: JobRecord, job: Job): void => {
  if (isJobOver(job.status) && record.seenOfJob.at(-1) !== job.status) record.seenOfJob.push(job.status);
  for (const [status, nodes] of Object.entries(job.nodes) as [NodeStatus, string[]][]) {
    for (const node of nodes) {
      const seen = record.seen.get(node) ?? [];
      const isNew = seen.at(-1) !== status;
      if (isNew && (isNodeDone(status) || seen.length > 0)) record.seen.set(node, [...seen, status]);
    }
  }
};
