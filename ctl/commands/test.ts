import { readFileSync } from 'node:fs';
import { AppError, messageOf } from '../../src/shared/lib/app-error.js';
import type { Command, CommandArguments } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { ChefServerApi } from '../lib/chef-server/chef-server-api.js';
import { EXIT } from '../lib/exit-code.js';
import { Installation } from '../lib/installation.js';
import { jobTest } from '../lib/smoke/job-test.js';
import type { SmokeTest } from '../lib/smoke/smoke-test.js';
import { readOnlyTests } from '../lib/smoke/smoke-tests.js';
import type { Signer } from '../lib/smoke/throw-away-client.js';
import { UsageError } from '../../src/shared/lib/usage-error.js';

const OPTIONS = {
  org: {
    type: 'string',
    describe: 'The organization in which to run a job; needed only if there are several',
  },
  user: {
    type: 'string',
    describe: 'The user who starts the job; default: a temporary client',
  },
  key: { type: 'string', describe: 'File with the private key of --user' },
  node: {
    type: 'string',
    describe: 'The client that the node uses; default: a temporary client',
  },
  'node-key': { type: 'string', describe: 'File with the private key of --node' },
} as const;

/** Options of the command line. */
interface TestOptions {
  readonly org: string | undefined;
  readonly starter: Signer | undefined;
  readonly node: Signer | undefined;
}

/** Tests the running server. */
export const test: Command = {
  name: 'test',
  group: 'general',
  summary: 'Test the running server with a whole job through nginx on a throw-away node.',
  options: OPTIONS,
  needsRoot: true,
  run: async (context, args) => {
    const wishes = parseTestOptions(args);
    const installation = new Installation(context, { superuserPassword: undefined });
    const stopping = new AbortController();
    const release = context.environment.onEndSignal((reason) =>
      stopping.abort(new AppError('interrupted', `interrupted: ${reason}`)),
    );
    try {
      const failed = await runTests(context, installation, wishes, stopping.signal);
      context.print(
        failed === 0
          ? '\nAll tests passed.'
          : `\nFailed: ${failed}. More: opscode-push-jobs-server-ctl doctor`,
      );
      return failed === 0 ? EXIT.ok : EXIT.failed;
    } finally {
      release();
    }
  },
};

/** Runs a job only if all other tests pass, because it changes the Chef Server. Returns the number of failures. */
const runTests = async (
  context: CommandContext,
  installation: Installation,
  { org, ...people }: TestOptions,
  signal: AbortSignal,
): Promise<number> => {
  const organizations = org === undefined ? [] : [org];
  const listing: SmokeTest = {
    name: 'the Chef Server accepts the key of its superuser',
    run: async () => {
      organizations.push(...(await organizationsOf(installation)));
    },
  };
  const first = [...readOnlyTests(installation), ...(org === undefined ? [listing] : [])];
  const failed = await runAndCountFailures(context, first, signal);
  const [only, ...others] = organizations;
  if (failed === 0 && only !== undefined && others.length === 0) {
    return runAndCountFailures(context, [jobTest(installation, { org: only, ...people }, signal)], signal);
  }
  context.print(`skipped: a job${failed > 0 ? '' : ` (${whyNoOrganization(organizations)})`}`);
  return failed;
};

const organizationsOf = async (installation: Installation): Promise<string[]> => {
  const api = new ChefServerApi(installation);
  try {
    return await api.organizations();
  } finally {
    await api.close();
  }
};

const whyNoOrganization = (organizations: readonly string[]): string =>
  organizations.length === 0
    ? 'the Chef Server has no organization yet: chef-server-ctl org-create'
    : `the Chef Server has several organizations: choose one with --org, for example --org ${organizations[0] ?? ''}`;

/** Runs the tests one after the other and prints each result. Returns how many failed. */
const runAndCountFailures = async (
  context: CommandContext,
  tests: readonly SmokeTest[],
  signal: AbortSignal,
): Promise<number> => {
  let failed = 0;
  for (const one of tests) {
    try {
      signal.throwIfAborted();
      await one.run();
      context.print(`ok      ${one.name}`);
    } catch (thrown) {
      failed++;
      context.print(`FAILED  ${one.name}: ${messageOf(thrown)}`);
      if (signal.aborted) return failed;
    }
  }
  return failed;
};

const parseTestOptions = (args: CommandArguments): TestOptions => ({
  org: optionText(args, 'org'),
  starter: readSigner(args, 'user', 'key'),
  node: readSigner(args, 'node', 'node-key'),
});

const optionText = ({ options }: CommandArguments, name: keyof typeof OPTIONS): string | undefined => {
  const value = options.get(name);
  return value === true ? undefined : value;
};

/** Reads a signer from its two options, which must be given together. */
const readSigner = (
  args: CommandArguments,
  nameOption: keyof typeof OPTIONS,
  keyOption: keyof typeof OPTIONS,
): Signer | undefined => {
  const [name, file] = [optionText(args, nameOption), optionText(args, keyOption)];
  if (name === undefined && file === undefined) return undefined;
  if (name === undefined || file === undefined) {
    throw new UsageError(`--${nameOption} and --${keyOption} must be given together`);
  }
  try {
    return { name, key: readFileSync(file, 'utf8') };
  } catch (thrown) {
    throw new UsageError(`--${keyOption}: ${messageOf(thrown)}`);
  }
};
