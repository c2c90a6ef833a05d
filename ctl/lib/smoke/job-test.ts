import { readFileSync } from 'node:fs';
import { PushJobsClient } from '../../../src/shared/api-client/push-jobs-client.js';
import type { AppError } from '../../../src/shared/lib/app-error.js';
import type { Result } from '../../../src/shared/lib/result.js';
import type { JobFeedEvent } from '../../../src/shared/protocol/feed-event-schema.js';
import { ChefServerApi } from '../chef-server/chef-server-api.js';
import { rootOf } from '../chef-server/superuser-http.js';
import type { Installation } from '../installation.js';
import { fail, type SmokeTest } from './smoke-test.js';
import { type Signatory, withThrowAwayClient } from './throw-away-client.js';
import { SMOKE_COMMAND, SMOKE_OUTPUT, withThrowAwayNode } from './throw-away-node.js';

/** Which job is tried; who is undefined is a throw-away client. */
export interface JobPlan {
  readonly org: string;
  readonly starter: Signatory | undefined;
  readonly node: Signatory | undefined;
}

const AVAILABLE_WITHIN_MS = 60_000;
const ENDED_WITHIN_MS = 120_000;
const ASK_EVERY_MS = 500;

/** A whole job through nginx, from the request to its output, on a throw-away node; the signal breaks it off. */
export const jobTest = (
  installation: Installation,
  { org, starter, node }: JobPlan,
  signal: AbortSignal,
): SmokeTest => ({
  name: `a job on ${node === undefined ? 'a throw-away node' : `the node ${node.name}`} in ${org} gets its vote, runs, gives its output and tells its events`,
  run: async () => {
    if (starter !== undefined && node !== undefined) {
      await tryJob(installation, org, { starter, node }, signal);
      return;
    }
    const api = new ChefServerApi(installation);
    try {
      await api.requireOrganization(org);
      const options = {
        org,
        startsJobs: starter === undefined,
        say: (text: string) => installation.context.say(text),
      };
      await withThrowAwayClient(api, options, async (client) => {
        if (starter === undefined) await waitForRights(installation, signal);
        signal.throwIfAborted();
        await tryJob(installation, org, { starter: starter ?? client, node: node ?? client }, signal);
      });
    } finally {
      await api.close();
    }
  },
});

/** A server that remembers groups may not know yet that the client is in one. */
const waitForRights = async ({ product, context }: Installation, signal: AbortSignal): Promise<void> => {
  const { cache_seconds: seconds } = product.serverConfig.chef_server;
  if (seconds > 0) context.say(`        waiting ${seconds} s, for which the server remembers groups`);
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until && !signal.aborted) await context.environment.sleep(ASK_EVERY_MS);
};

const tryJob = async (
  { product, context }: Installation,
  org: string,
  { starter, node }: { readonly starter: Signatory; readonly node: Signatory },
  signal: AbortSignal,
): Promise<void> => {
  const serverUrl = `${rootOf(product)}/organizations/${encodeURIComponent(org)}`;
  const caFile = product.serverConfig.chef_server.ssl_ca_file;
  const ca = caFile === undefined ? {} : { ca: [readFileSync(caFile, 'utf8')] };
  const client = new PushJobsClient({ serverUrl, user: starter.name, key: starter.key, ...ca });
  const closeAtOnce = (): void => void client.close(); // an answer that we wait for comes no more
  try {
    await withThrowAwayNode(context.environment, { ...node, serverUrl, caFile }, signal, async (ending) => {
      ending.addEventListener('abort', closeAtOnce);
      try {
        await untilAvailable(client, node.name, context.environment.sleep, ending);
        await runJob(client, node.name, ending);
      } catch (thrown) {
        ending.throwIfAborted(); // why it was broken off says more than what that broke
        throw thrown;
      }
    });
  } finally {
    await client.close();
  }
};

const untilAvailable = async (
  client: PushJobsClient,
  node: string,
  sleep: (ms: number) => Promise<void>,
  signal: AbortSignal,
): Promise<void> => {
  const deadline = performance.now() + AVAILABLE_WITHIN_MS;
  for (;;) {
    signal.throwIfAborted();
    const { availability, reason } = unwrap(await client.getNodeDetail(node));
    if (availability === 'available') return;
    if (performance.now() > deadline) {
      fail(
        `the node ${node} was not available within ${AVAILABLE_WITHIN_MS / 1000} s (${reason ?? availability}); ` +
          'what else nodes need, says: opscode-push-jobs-server-ctl doctor',
      );
    }
    await sleep(ASK_EVERY_MS);
  }
};

const runJob = async (client: PushJobsClient, node: string, signal: AbortSignal): Promise<void> => {
  const started = await client.startJob({ command: SMOKE_COMMAND, nodes: [node], capture_output: true });
  const { id } = unwrap(started);
  const timeout = AbortSignal.timeout(ENDED_WITHIN_MS);
  const events: JobFeedEvent[] = [];
  for await (const event of client.jobFeed(id, { signal: AbortSignal.any([signal, timeout]) })) {
    events.push(event);
  }
  signal.throwIfAborted();
  judgeEvents(id, node, events);
  const job = unwrap(await client.getJob(id));
  if (job.nodes.succeeded?.includes(node) !== true) fail(`job ${id} is ${job.status}, and not by success`);
  const output = unwrap(await client.getOutput(id, node, 'stdout'))
    .toString()
    .trim();
  if (output !== SMOKE_OUTPUT) fail(`job ${id} wrote '${output}' in place of '${SMOKE_OUTPUT}'`);
};

/** What the feed of a job that goes well tells, in this order. */
const EXPECTED = ['start', 'quorum_vote: success', 'quorum_succeeded', 'run_start', 'run_complete: success'];

const judgeEvents = (id: string, node: string, events: readonly JobFeedEvent[]): void => {
  if (events.length === 1 && events[0]?.name === 'summary') return; // it was over before we asked
  const told = events.map(({ name, data }) => ('status' in data ? `${name}: ${data.status}` : name));
  const expected = [...EXPECTED, 'job_complete: complete'];
  if (told.join() === expected.join()) return;
  fail(`the feed of job ${id} on ${node} tells ${told.join(', ')} in place of ${expected.join(', ')}`);
};

const unwrap = <T>(result: Result<T, AppError>): T => {
  if (!result.ok) throw result.error;
  return result.value;
};
