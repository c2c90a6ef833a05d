import { randomBytes } from 'node:crypto';
import { AppError, messageOf } from '../../../src/shared/lib/app-error.js';
import type { ChefServerApi, GroupMembers } from '../chef-server/chef-server-api.js';

/** Who signs a request: a user or client of the Chef Server, with its private key in PEM. */
export interface Signer {
  readonly name: string;
  readonly key: string;
}

/** Options of a throw-away client. */
export interface ThrowAwayClientOptions {
  readonly org: string;
  /** Whether it gets the rights to start and read jobs. */
  readonly startsJobs: boolean;
  /** Receives the client's name before it is created, so that a user can remove it if this process is killed. */
  readonly print: (text: string) => void;
}

/** How to undo one change, by this program or by the user's command. */
interface Undo {
  readonly command: string;
  run(): Promise<void>;
}

/**
 * Creates a client of the Chef Server, runs `work` with it, and then always removes it from its groups and deletes it.
 * The AppError names each clean-up that failed twice, with the command that does it.
 */
export const withThrowAwayClient = async (
  api: ChefServerApi,
  options: ThrowAwayClientOptions,
  work: (client: Signer) => Promise<void>,
): Promise<void> => {
  const undo: Undo[] = [];
  const problems: string[] = [];
  try {
    await work(await create(api, options, undo));
  } catch (thrown) {
    problems.push(messageOf(thrown));
  }
  const failedOnce = (await undoAll(undo.reverse())).map(({ one }) => one);
  for (const { one, reason } of await undoAll(failedOnce)) {
    problems.push(`LEFT BEHIND on the Chef Server, because ${reason}. Remove it by hand: ${one.command}`);
  }
  if (problems.length > 0) throw new AppError('throw_away_client', problems.join('\n        '));
};

/** Notes each undo before the change: a request without a response may still have succeeded. */
const create = async (
  api: ChefServerApi,
  { org, startsJobs, print: say }: ThrowAwayClientOptions,
  undo: Undo[],
): Promise<Signer> => {
  const name = `push-jobs-test-${randomBytes(8).toString('hex')}`;
  const where = `--server-url ${api.urlOf(org)}`;
  say(`        creating the client ${name} in the organization ${org} for the test`);
  undo.push({
    command: `knife client delete ${name} --yes ${where}`,
    run: () => api.deleteClient(org, name),
  });
  const key = await api.createClient(org, name);
  for (const group of startsJobs ? await groupsToJoin(api, org) : []) {
    undo.push({
      command: `knife group remove client ${name} ${group} ${where}`,
      run: () => changeClients(api, org, group, (clients) => clients.filter((one) => one !== name)),
    });
    await changeClients(api, org, group, (clients) => [...clients, name]);
  }
  return { name, key };
};

/** Returns the groups with the rights to start and read jobs. See docs/spec/rest-api.md, "Rights". */
const groupsToJoin = async (api: ChefServerApi, org: string): Promise<string[]> => {
  const [writers, readers] = await Promise.all([
    api.membersOf(org, 'pushy_job_writers'),
    api.membersOf(org, 'pushy_job_readers'),
  ]);
  return [
    writers === undefined ? 'admins' : 'pushy_job_writers',
    ...(readers === undefined ? [] : ['pushy_job_readers']),
  ];
};

/** Changes the clients in a group; all other members stay. */
const changeClients = async (
  api: ChefServerApi,
  org: string,
  group: string,
  change: (clients: GroupMembers['clients']) => string[],
): Promise<void> => {
  const members = await api.membersOf(org, group);
  const clients = change(members?.clients ?? []);
  if (members === undefined || clients.length === members.clients.length) return;
  await api.setMembers(org, group, { ...members, clients });
};

/** Undoes the changes in this order. Returns those that failed. */
const undoAll = async (undo: readonly Undo[]): Promise<{ one: Undo; reason: string }[]> => {
  const failed: { one: Undo; reason: string }[] = [];
  for (const one of undo) {
    try {
      await one.run();
    } catch (thrown) {
      failed.push({ one, reason: messageOf(thrown) });
    }
  }
  return failed;
};
