import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Job, type PushJobsClient } from '../../../src/shared/api-client/push-jobs-client.js';
import { nodeStatusOf, type NodeStatus } from '../../../src/shared/protocol/job-status.js';
import { eventually } from '../../support/eventually.js';
import { ChaosInstallation } from '../chaos/chaos-installation.js';
import { FAULT_KINDS, FaultInjector, type FaultKind } from '../chaos/fault-injector.js';
import type { JobRecord } from '../chaos/job-record.js';
import { SeededRandom } from '../chaos/seeded-random.js';
import { type SharedWork, workUntil } from '../chaos/user.js';
import { judge, type Verdict, VIOLATIONS } from '../chaos/verdict.js';
import { forEachConcurrently } from '../for-each-concurrently.js';
import { type LoadOptions, print } from './scenario.js';

const USERS = 6;
const VOTING_SECONDS = 20;
const RUN_SECONDS = 60;
/** Silent intervals until a job node ends (`lost_contact_timeout`), and time for outages and a busy machine. */
const SILENT_INTERVALS = 12;
const SLACK_MS = 60_000;
/** At most this many lines are printed for each kind of violation. */
const MOST_LINES = 15;

/** Real programs under faults at random moments: nothing that runs is doubled, lost, stuck or misreported. */
export const chaos = async (options: LoadOptions): Promise<void> => {
  const { heartbeatMs, nodes: nodeCounts, minutes } = options;
  const kinds = parseKinds(options.faults);
  const seed = options.seed ?? randomInt(2 ** 31);
  const nodes = Array.from({ length: nodeCounts[0] ?? 1 }, (_, index) => `node${index}`);
  const limitMs = (VOTING_SECONDS + RUN_SECONDS) * 1000 + SILENT_INTERVALS * heartbeatMs + SLACK_MS;
  print(
    `${minutes} minutes of ${kinds.join(', ')} with ${nodes.length} clients, heartbeat ${heartbeatMs} ms, --seed ${seed}`,
  );
  const installation = await ChaosInstallation.create({
    nodes,
    pair: kinds.includes('failover'),
    settings: { heartbeat_interval: heartbeatMs, voting_timeout: VOTING_SECONDS },
  });
  const stopAtSignal = (): void => void installation.stop(true).finally(() => process.exit(1));
  process.once('SIGINT', stopAtSignal).once('SIGTERM', stopAtSignal);
  const client = installation.connect();
  let isGood = false;
  try {
    await installation.start();
    const work: SharedWork = {
      client,
      random: new SeededRandom(seed),
      freeNodes: [...nodes],
      records: [],
      runTimeoutSeconds: RUN_SECONDS,
      limitMs,
    };
    const faults = new FaultInjector(installation, kinds, new SeededRandom(seed + 1), progressOf(work));
    const end = AbortSignal.timeout(minutes * 60_000);
    const users = Array.from({ length: USERS }, () => workUntil(work, end));
    await Promise.all([faults.run(end), ...users]);
    await installation.isReady();
    const verdict = await judgeRun(installation, client, work);
    printSummary(installation, faults, work.records, verdict);
    isGood = VIOLATIONS.every((violation) => verdict[violation].length === 0);
  } finally {
    await client.close();
    await installation.stop(!isGood);
  }
  if (!isGood) print(`logs: ${installation.folder}`);
  // A connection whose path stalled may never notice that it has ended, so the process would not end by itself.
  process.stdout.write('', () => process.exit(isGood ? 0 : 1));
};

const parseKinds = (text: string): [FaultKind, ...FaultKind[]] => {
  const kinds = text.split(',').map((name) => {
    const kind = FAULT_KINDS.find((known) => known === name);
    if (kind === undefined)
      throw new Error(`--faults must be a list of ${FAULT_KINDS.join(', ')}, not '${text}'`);
    return kind;
  });
  return [kinds[0] ?? 'kill', ...kinds.slice(1)];
};

const progressOf = ({ records }: SharedWork): ((line: string) => void) => {
  const start = performance.now();
  return (line) => {
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    print(`  ${seconds} s, ${records.length} jobs: ${line}`);
  };
};

/** Waits until all jobs have ended or are stuck, and compares everything. */
const judgeRun = async (
  installation: ChaosInstallation,
  client: PushJobsClient,
  { records, limitMs }: SharedWork,
): Promise<Verdict> => {
  const jobs = new Map<string, Job>();
  const ids = records.flatMap(({ id }) => id ?? []);
  await forEachConcurrently(8, ids, async (id) => {
    const job = await eventually(
      async () => {
        const job = await client.getJob(id, { details: true });
        if (job.ok) return job.value;
        if (job.error.code === 'not_found') return null;
        throw job.error;
      },
      { everyMs: 500 },
    );
    if (job !== null) jobs.set(id, job);
  });
  const listed = await client.listJobs();
  if (!listed.ok) throw listed.error;
  const rows = await installation.sql<{ job_id: string; node_name: string; status: number }>(
    'SELECT job_id, node_name, status FROM job_nodes',
  );
  const stored = new Map<string, Map<string, NodeStatus>>();
  for (const { job_id, node_name, status } of rows) {
    const nodes = stored.get(job_id) ?? new Map<string, NodeStatus>();
    stored.set(job_id, nodes.set(node_name, nodeStatusOf(status)));
  }
  return judge({
    records,
    jobs,
    stored,
    listed: listed.value.map(({ command }) => command),
    commandLog: readFileSync(installation.commandLog, 'utf8').trim().split('\n'),
    limitMs,
  });
};

const printSummary = (
  installation: ChaosInstallation,
  faults: FaultInjector,
  records: readonly JobRecord[],
  verdict: Verdict,
): void => {
  const accepted = records.filter(({ id }) => id !== undefined);
  const requests = records.reduce((sum, record) => sum + record.requests, 0);
  const statuses = countOf(accepted.map(({ seenOfJob }) => seenOfJob.at(-1) ?? 'no end seen'));
  const lines = readFileSync(installation.commandLog, 'utf8').split('\n');
  const begun = lines.filter((line) => line.startsWith('begin')).length;
  const ended = lines.filter((line) => line.startsWith('end')).length;
  print(`faults: ${listOf(faults.counts)}; servers came up ${installation.starts} times`);
  for (const { host, server } of installation.machines) {
    if (server.ownExits.size > 0) print(`server ${host} ended by itself with: ${listOf(server.ownExits)}`);
  }
  print(`${accepted.length} jobs accepted in ${requests} requests: ${listOf(statuses)}`);
  print(`${begun} commands began, ${ended} ended`);
  print([...VIOLATIONS, 'late' as const].map((kind) => `${kind} ${verdict[kind].length}`).join(', '));
  for (const kind of VIOLATIONS) {
    for (const line of verdict[kind].slice(0, MOST_LINES)) print(`  ${kind}: ${line}`);
  }
};

const countOf = (texts: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
};

const listOf = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
