import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { PushJobsClient } from '../../src/shared/api-client/push-jobs-client.js';
import { AppError } from '../../src/shared/lib/app-error.js';
import { eventually } from '../support/eventually.js';
import { NODES, type QuickstartFolder, USER } from './folder.js';

const READY_WITHIN_MS = 60_000;

const connect = (folder: QuickstartFolder): PushJobsClient =>
  new PushJobsClient({
    serverUrl: folder.chefServerUrl,
    user: USER,
    key: readFileSync(folder.keyOf(USER), 'utf8'),
  });

/** Waits until every node is available. */
export const waitForNodes = async (folder: QuickstartFolder): Promise<void> => {
  const client = connect(folder);
  try {
    await eventually(
      async () => {
        const states = await client.listNodes();
        return (
          states.ok &&
          states.value.filter((node) => node.availability === 'available').length === NODES.length
        );
      },
      { withinMs: READY_WITHIN_MS, everyMs: 200 },
    );
  } finally {
    await client.close();
  }
};

/** Runs the command line as a user does, with its output on this terminal; returns its exit code. */
const pushJobs = async (folder: QuickstartFolder, args: readonly string[]): Promise<number> => {
  process.stdout.write(`\n$ push-jobs ${args.join(' ')}\n`);
  const [code] = (await once(spawn(folder.path('push-jobs'), args, { stdio: 'inherit' }), 'close')) as [
    number,
  ];
  return code;
};

/**
 * Runs a job on all nodes, shows their output, and returns the job's id. Throws an AppError unless every node has
 * succeeded with the expected output.
 */
export const runFirstJob = async (folder: QuickstartFolder): Promise<string> => {
  const code = await pushJobs(folder, ['job', 'start', 'hello', ...NODES, '--capture']);
  if (code !== 0) throw new AppError('first_job', `the job failed: push-jobs ended with exit code ${code}`);
  const client = connect(folder);
  try {
    const jobs = await client.listJobs();
    if (!jobs.ok) throw jobs.error;
    const id = jobs.value.at(-1)?.id ?? '';
    await checkJob(client, id);
    const shown = await pushJobs(folder, ['job', 'output', id, ...NODES]);
    if (shown !== 0)
      throw new AppError('first_job', `cannot show the output: push-jobs ended with exit code ${shown}`);
    return id;
  } finally {
    await client.close();
  }
};

const checkJob = async (client: PushJobsClient, id: string): Promise<void> => {
  const job = await client.getJob(id);
  if (!job.ok) throw job.error;
  const succeeded = job.value.nodes.succeeded ?? [];
  if (job.value.status !== 'complete' || succeeded.length !== NODES.length) {
    throw new AppError('first_job', `the job did not succeed on all nodes: ${JSON.stringify(job.value)}`);
  }
  for (const node of NODES) {
    const output = await client.getOutput(id, node, 'stdout');
    if (!output.ok) throw output.error;
    const text = output.value.toString();
    if (text !== `Hello from ${node}\n`) {
      throw new AppError('first_job', `expected "Hello from ${node}" as output of ${node}, got: ${text}`);
    }
  }
};
