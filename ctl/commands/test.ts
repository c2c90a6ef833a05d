import { messageOf } from '../../src/lib/app-error.js';
import type { Command, CommandArguments } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { Installation } from '../lib/reconfigure/installation.js';
import { basicTests, jobTest, type SmokeCredentials } from '../lib/smoke/smoke-tests.js';
import { UsageError } from '../lib/usage-error.js';

const OPTIONS = {
  org: { type: 'string', describe: 'The organization in which a job is tried' },
  user: { type: 'string', describe: 'The user who starts it; must be allowed to' },
  key: { type: 'string', describe: "The file with the user's private key" },
  node: { type: 'string', describe: 'A client of the organization, as which a throw-away node comes' },
  'node-key': { type: 'string', describe: "The file with the client's private key" },
} as const;

/** Tries the running server out. */
export const test: Command = {
  name: 'test',
  group: 'general',
  summary: 'Try the running server out; with credentials, by a whole job on a throw-away node.',
  options: OPTIONS,
  needsRoot: true,
  run: async (context, args) => {
    const credentials = credentialsIn(args);
    const installation = new Installation(context, { superuserPassword: undefined });
    const job = credentials === undefined ? [] : [jobTest(context, installation, credentials)];
    let failed = 0;
    for (const one of [...basicTests(installation), ...job]) {
      try {
        await one.run();
        context.say(`ok      ${one.name}`);
      } catch (thrown) {
        failed++;
        context.say(`FAILED  ${one.name}: ${messageOf(thrown)}`);
      }
    }
    if (credentials === undefined) {
      context.say(`not tried: a job (give --${Object.keys(OPTIONS).join(', --')})`);
    }
    context.say(
      failed === 0 ? '\nEverything works.' : `\nFailed: ${failed}. More: opscode-push-jobs-server-ctl doctor`,
    );
    return failed === 0 ? EXIT.ok : EXIT.failed;
  },
};

/** All five or none. */
const credentialsIn = ({ options }: CommandArguments): SmokeCredentials | undefined => {
  const [org, user, keyFile, node, nodeKeyFile] = Object.keys(OPTIONS).map((name) => options.get(name));
  if (options.size === 0) return undefined;
  const all = [org, user, keyFile, node, nodeKeyFile].every((value) => typeof value === 'string');
  if (!all) throw new UsageError(`a job needs all of --${Object.keys(OPTIONS).join(', --')}`);
  return { org, user, keyFile, node, nodeKeyFile } as SmokeCredentials;
};
