import { readFileSync } from 'node:fs';
import { PushJobsClient } from '../../../src/api-client/push-jobs-client.js';
import { AppError } from '../../../src/lib/app-error.js';
import type { Result } from '../../../src/lib/result.js';
import { HttpClient } from '../../../src/platform/http/http-client.js';
import type { CommandContext } from '../../command-context.js';
import { withSession } from '../database/session.js';
import type { Installation } from '../reconfigure/installation.js';
import { askServer } from '../server-status.js';
import { SMOKE_COMMAND, SMOKE_OUTPUT, withThrowAwayNode } from './throw-away-node.js';

/** In whose name the tests ask, and as which node the throw-away client comes. */
export interface SmokeCredentials {
  readonly org: string;
  readonly user: string;
  readonly keyFile: string;
  readonly node: string;
  readonly nodeKeyFile: string;
}

/** One test: it throws where something does not work. */
export interface SmokeTest {
  readonly name: string;
  run(): Promise<void>;
}

const AVAILABLE_WITHIN_MS = 60_000;
const ENDED_WITHIN_MS = 120_000;
const ASK_EVERY_MS = 500;

const fail = (reason: string): never => {
  throw new AppError('smoke_test', reason);
};

const unwrap = <T>(result: Result<T, AppError>): T => {
  if (!result.ok) throw result.error;
  return result.value;
};

/** The tests that need no credentials. */
export const basicTests = (installation: Installation): SmokeTest[] => {
  const { product } = installation;
  const root = product.serverConfig.chef_server.root_url.replace(/\/$/, '');
  const statusOf = async (path: string): Promise<number> => {
    const http = new HttpClient(trustOf(installation));
    try {
      const answer = await http.send({ method: 'GET', url: `${root}${path}` });
      return answer.ok ? answer.value.status : fail(answer.error.reason);
    } finally {
      await http.close();
    }
  };
  return [
    {
      name: 'the server answers',
      run: async () => {
        const answer = await askServer(product);
        if (!('status' in answer)) fail(answer.reason);
      },
    },
    {
      name: 'the server answers at the address of the Chef Server',
      run: async () => {
        const status = await statusOf('/pushy/_status');
        if (status !== 200) fail(`${root}/pushy/_status answers ${status}`);
      },
    },
    {
      name: 'a request without a signature is refused',
      run: async () => {
        const status = await statusOf('/organizations/smoke-test/pushy/jobs');
        if (status !== 400 && status !== 401) fail(`it answers ${status} in place of 400 or 401`);
      },
    },
    {
      name: 'the database can be written',
      run: () =>
        withSession(installation.ownerConnection(), async (session) => {
          await session.query('CREATE TEMPORARY TABLE smoke_test (n int)');
          await session.query('INSERT INTO smoke_test VALUES (1)');
        }),
    },
  ];
};

/** A whole job, from the request to its output, on a throw-away node. */
export const jobTest = (
  { environment }: CommandContext,
  installation: Installation,
  credentials: SmokeCredentials,
): SmokeTest => {
  const { org, user, keyFile, node, nodeKeyFile } = credentials;
  const { root_url, ssl_ca_file } = installation.product.serverConfig.chef_server;
  const serverUrl = `${root_url.replace(/\/$/, '')}/organizations/${org}`;
  return {
    name: `a job on the node ${node} runs and gives its output`,
    run: async () => {
      const { ca } = trustOf(installation);
      const key = readFileSync(keyFile, 'utf8');
      const client = new PushJobsClient({ serverUrl, user, key, ...(ca === undefined ? {} : { ca: [ca] }) });
      const identity = { serverUrl, name: node, keyFile: nodeKeyFile, caFile: ssl_ca_file };
      try {
        await withThrowAwayNode(environment, identity, () => runJob(client, node, environment.sleep));
      } finally {
        await client.close();
      }
    },
  };
};

const runJob = async (
  client: PushJobsClient,
  node: string,
  sleep: (ms: number) => Promise<void>,
): Promise<void> => {
  await until(`${node} is available`, AVAILABLE_WITHIN_MS, sleep, async () => {
    return unwrap(await client.getNode(node)).availability === 'available';
  });
  const started = await client.startJob({ command: SMOKE_COMMAND, nodes: [node], capture_output: true });
  const { id } = unwrap(started);
  await until(`job ${id} has ended`, ENDED_WITHIN_MS, sleep, async () => {
    const { status } = unwrap(await client.getJob(id));
    return status !== 'new' && status !== 'voting' && status !== 'running';
  });
  const job = unwrap(await client.getJob(id));
  if (job.nodes.succeeded?.includes(node) !== true) fail(`job ${id} is ${job.status}, and not by success`);
  const output = unwrap(await client.getOutput(id, node, 'stdout'))
    .toString()
    .trim();
  if (output !== SMOKE_OUTPUT) fail(`job ${id} wrote '${output}' in place of '${SMOKE_OUTPUT}'`);
};

const until = async (
  what: string,
  withinMs: number,
  sleep: (ms: number) => Promise<void>,
  isSo: () => Promise<boolean>,
): Promise<void> => {
  const deadline = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) fail(`it was not so within ${withinMs / 1000} s that ${what}`);
    await sleep(ASK_EVERY_MS);
  }
};

const trustOf = ({ product }: Installation): { ca?: string } => {
  const file = product.serverConfig.chef_server.ssl_ca_file;
  return file === undefined ? {} : { ca: readFileSync(file, 'utf8') };
};
