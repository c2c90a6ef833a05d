import { readFileSync } from 'node:fs';
import { PushJobsClient } from '../../../src/shared/api-client/push-jobs-client.js';
import type { AppError } from '../../../src/shared/lib/app-error.js';
import type { Result } from '../../../src/shared/lib/result.js';
import type { JobFeedEvent } from '../../../src/shared/protocol/feed-event-schema.js';
import { ChefServerApi } from '../chef-server/chef-server-api.js';
import { chefServerUrl } from '../chef-server/superuser-http.js';
import type { Installation } from '../installation.js';
import { fail, type SmokeTest } from './smoke-test.js';
import { type Signer, withThrowAwayClient } from './throw-away-client.js';
import { SMOKE_COMMAND, SMOKE_OUTPUT, withThrowAwayNode } from './throw-away-node.js';

/** Options of the job test; a throw-away client replaces an undefined signer. */
export interface JobTestOptions {
  readonly org: string;
  readonly starter: Signer | undefined;
  readonly node: Signer | undefined;
}

const AVAILABLE_TIMEOUT_MS = 60_000;
const JOB_TIMEOUT_MS = 120_000;
const POLL_INTERVAL_MS = 500;

/** Tests a whole job through nginx on a throw-away node, from the request to its output; the signal aborts the test. */
export const jobTest = (
  installation: Installation,
  { org, starter, node }: JobTestOptions,
  signal: AbortSignal,
): SmokeTest => ({
  name: `a job on ${node === undefined ? 'a throw-away node' : `the node ${node.name}`} in ${org} votes, runs and delivers its output and events`,
  run: async () => {
    if (starter !== undefined && node !== undefined) {
      await testJob(installation, org, { starter, node }, signal);
      return;
    }
    const api = new ChefServerApi(installation);
    try {
      await api.requireOrganization(org);
      const options = {
        org,
        startsJobs: starter === undefined,
        print: (text: string) => installation.context.print(text),
      };
      await withThrowAwayClient(api, options, async (client) => {
        if (starter === undefined) await waitForRights(installation, signal);
        signal.throwIfAborted();
        await testJob(installation, org, { starter: starter ?? client, node: node ?? client }, signal);
      });
    } finally {
      await api.close();
    }
  },
});

/** A server that caches groups may not know yet that the client is a member. */
const waitForRights = async ({ settings, context }: Installation, signal: AbortSignal): Promise<void> => {
  const { cache_seconds: seconds } = settings.serverConfig.chef_server;
  if (seconds > 0) context.print(`        waiting ${seconds} s, for which the server caches groups`);
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until && !signal.aborted) await context.environment.sleep(POLL_INTERVAL_MS);
};

const testJob = async (
  { settings, context }: Installation,
  org: string,
  { starter, node }: { readonly starter: Signer; readonly node: Signer },
  signal: AbortSignal,
): Promise<void> => {
  const serverUrl = `${chefServerUrl(settings)}/organizations/${encodeURIComponent(org)}`;
  const caFile = settings.serverConfig.chef_server.ssl_ca_file;
  const ca = caFile === undefined ? {} : { ca: [readFileSync(caFile, 'utf8')] };
  const client = new PushJobsClient({ serverUrl, user: starter.name, key: starter.key, ...ca });
  const closeClient = (): void => void client.close(); // so that no request waits for its response
  try {
    await withThrowAwayNode(context.environment, { ...node, serverUrl, caFile }, signal, async (ending) => {
      ending.addEventListener('abort', closeClient);
      try {
        await waitUntilAvailable(client, node.name, context.environment.sleep, ending);
        await runJob(client, node.name, ending);
      } catch (thrown) {
        ending.throwIfAborted(); // the reason of the abort says more than its consequence
        throw thrown;
      }
    });
  } finally {
    await client.close();
  }
};

const waitUntilAvailable = async (
  client: PushJobsClient,
  node: string,
  sleep: (ms: number) => Promise<void>,
  signal: AbortSignal,
): Promise<void> => {
  const deadline = performance.now() + AVAILABLE_TIMEOUT_MS;
  for (;;) {
    signal.throwIfAborted();
    const { availability, reason } = unwrap(await client.getNodeDetail(node));
    if (availability === 'available') return;
    if (performance.now() > deadline) {
      fail(
        `the node ${node} was not available within ${AVAILABLE_TIMEOUT_MS / 1000} s (${reason ?? availability}); ` +
          'check what nodes need: opscode-push-jobs-server-ctl doctor',
      );
    }
    await sleep(POLL_INTERVAL_MS);
  }
};

const runJob = async (client: PushJobsClient, node: string, signal: AbortSignal): Promise<void> => {
  const started = await client.startJob({ command: SMOKE_COMMAND, nodes: [node], capture_output: true });
  const { id } = unwrap(started);
  const timeout = AbortSignal.timeout(JOB_TIMEOUT_MS);
  const events: JobFeedEvent[] = [];
  for await (const event of client.jobFeed(id, { signal: AbortSignal.any([signal, timeout]) })) {
    events.push(event);
  }
  signal.throwIfAborted();
  verifyEvents(id, node, events);
  const job = unwrap(await client.getJob(id));
  if (job.nodes.succeeded?.includes(node) !== true)
    fail(`job ${id} is ${job.status}, but the node did not succeed`);
  const output = unwrap(await client.getOutput(id, node, 'stdout'))
    .toString()
    .trim();
  if (output !== SMOKE_OUTPUT) fail(`job ${id} wrote '${output}' instead of '${SMOKE_OUTPUT}'`);
};

/** The events in the feed of a successful job, in order. */
const EXPECTED_EVENTS = [
  'start',
  'quorum_vote: success',
  'quorum_succeeded',
  'run_start',
  'run_complete: success',
];

const verifyEvents = (id: string, node: string, events: readonly JobFeedEvent[]): void => {
  if (events.length === 1 && events[0]?.name === 'summary') return; // the job ended before we read its feed
  const actual = events.map(({ name, data }) => ('status' in data ? `${name}: ${data.status}` : name));
  const expected = [...EXPECTED_EVENTS, 'job_complete: complete'];
  if (actual.join() === expected.join()) return;
  fail(`the feed of job ${id} on ${node} has ${actual.join(', ')} instead of ${expected.join(', ')}`);
};

const unwrap = <T>(result: Result<T, AppError>): T => {
  if (!result.ok) throw result.error;
  return result.value;
};
