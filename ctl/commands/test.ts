import { readFileSync } from 'node:fs';
import { AppError, messageOf } from '../../src/shared/lib/app-error.js';
import type { Command, CommandArguments } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { ChefServerApi } from '../lib/chef-server/chef-server-api.js';
import { EXIT } from '../lib/exit-code.js';
import { Installation } from '../lib/installation.js';
import { jobTest } from '../lib/smoke/job-test.js';
import type { SmokeTest } from '../lib/smoke/smoke-test.js';
import { basicTests } from '../lib/smoke/smoke-tests.js';
import type { Signatory } from '../lib/smoke/throw-away-client.js';
import { UsageError } from '../lib/usage-error.js';

const OPTIONS = {
  org: {
    type: 'string',
    describe: 'The organization in which a job is tried; need not be given where there is only one',
  },
  user: {
    type: 'string',
    describe: 'Who starts the job; without it, a client made for the time of the test',
  },
  key: { type: 'string', describe: "The file with that user's private key" },
  node: {
    type: 'string',
    describe: 'The client that the node comes as; without it, the one made for the test',
  },
  'node-key': { type: 'string', describe: "The file with that client's private key" },
} as const;

/** What was asked for on the command line. */
interface Wishes {
  readonly org: string | undefined;
  readonly starter: Signatory | undefined;
  readonly node: Signatory | undefined;
}

/** Tries the running server out. */
export const test: Command = {
  name: 'test',
  group: 'general',
  summary: 'Try the running server out, by a whole job through nginx on a throw-away node.',
  options: OPTIONS,
  needsRoot: true,
  run: async (context, args) => {
    const wishes = wishesIn(args);
    const installation = new Installation(context, { superuserPassword: undefined });
    const stopping = new AbortController();
    const release = context.environment.onEndSignal((reason) =>
      stopping.abort(new AppError('interrupted', `broken off: ${reason}`)),
    );
    try {
      const failed = await runTests(context, installation, wishes, stopping.signal);
      context.say(
        failed === 0
          ? '\nEverything that was tried works.'
          : `\nFailed: ${failed}. More: opscode-push-jobs-server-ctl doctor`,
      );
      return failed === 0 ? EXIT.ok : EXIT.failed;
    } finally {
      release();
    }
  },
};

/** A job is tried where all else works: it makes things on the Chef Server, and could only fail. Gives the failures. */
const runTests = async (
  context: CommandContext,
  installation: Installation,
  { org, ...people }: Wishes,
  signal: AbortSignal,
): Promise<number> => {
  const organizations = org === undefined ? [] : [org];
  const listing: SmokeTest = {
    name: 'the Chef Server takes the key of its superuser',
    run: async () => {
      organizations.push(...(await organizationsOf(installation)));
    },
  };
  const first = [...basicTests(installation), ...(org === undefined ? [listing] : [])];
  const failed = await failuresOf(context, first, signal);
  const [only, ...others] = organizations;
  if (failed === 0 && only !== undefined && others.length === 0) {
    return failuresOf(context, [jobTest(installation, { org: only, ...people }, signal)], signal);
  }
  context.say(`not tried: a job${failed > 0 ? '' : ` (${whyNotIn(organizations)})`}`);
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

const whyNotIn = (organizations: readonly string[]): string =>
  organizations.length === 0
    ? 'the Chef Server has no organization yet: chef-server-ctl org-create'
    : `the Chef Server has several organizations: say in which, like --org ${organizations[0] ?? ''}`;

/** Runs them one after the other and shows how each went; gives how many failed. */
const failuresOf = async (
  context: CommandContext,
  tests: readonly SmokeTest[],
  signal: AbortSignal,
): Promise<number> => {
  let failed = 0;
  for (const one of tests) {
    try {
      signal.throwIfAborted();
      await one.run();
      context.say(`ok      ${one.name}`);
    } catch (thrown) {
      failed++;
      context.say(`FAILED  ${one.name}: ${messageOf(thrown)}`);
      if (signal.aborted) return failed;
    }
  }
  return failed;
};

const wishesIn = (args: CommandArguments): Wishes => ({
  org: textOf(args, 'org'),
  starter: signatoryIn(args, 'user', 'key'),
  node: signatoryIn(args, 'node', 'node-key'),
});

const textOf = ({ options }: CommandArguments, name: keyof typeof OPTIONS): string | undefined => {
  const value = options.get(name);
  return value === true ? undefined : value;
};

/** A name and the file with its key: both, or neither. */
const signatoryIn = (
  args: CommandArguments,
  nameOption: keyof typeof OPTIONS,
  keyOption: keyof typeof OPTIONS,
): Signatory | undefined => {
  const [name, file] = [textOf(args, nameOption), textOf(args, keyOption)];
  if (name === undefined && file === undefined) return undefined;
  if (name === undefined || file === undefined) {
    throw new UsageError(`--${nameOption} and --${keyOption} go together: give both, or neither`);
  }
  try {
    return { name, key: readFileSync(file, 'utf8') };
  } catch (thrown) {
    throw new UsageError(`--${keyOption}: ${messageOf(thrown)}`);
  }
};
