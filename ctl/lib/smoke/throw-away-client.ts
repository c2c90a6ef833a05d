import { randomBytes } from 'node:crypto';
import { AppError, messageOf } from '../../../src/shared/lib/app-error.js';
import type { ChefServerApi, GroupMembers } from '../chef-server/chef-server-api.js';

/** Who signs a request: a user or client of the Chef Server with its private key, PEM. */
export interface Signatory {
  readonly name: string;
  readonly key: string;
}

/** What the client is for. */
export interface ThrowAwayOptions {
  readonly org: string;
  /** Whether it gets the right to start jobs and to see them. */
  readonly startsJobs: boolean;
  /** Its name is told before it is made: should we be killed, somebody must know what to remove. */
  readonly say: (text: string) => void;
}

/** Something to take back, by us or else by a person. */
interface Undo {
  readonly command: string;
  run(): Promise<void>;
}

/**
 * Works with a client of the Chef Server that is there only as long as that takes. Whatever happens meanwhile, it is
 * taken out of its groups and deleted; what of that fails twice is told in the AppError, with the command that does it.
 */
export const withThrowAwayClient = async (
  api: ChefServerApi,
  options: ThrowAwayOptions,
  work: (client: Signatory) => Promise<void>,
): Promise<void> => {
  const undo: Undo[] = [];
  const problems: string[] = [];
  try {
    await work(await create(api, options, undo));
  } catch (thrown) {
    problems.push(messageOf(thrown));
  }
  const failedOnce = (await takeBack(undo.reverse())).map(({ one }) => one);
  for (const { one, reason } of await takeBack(failedOnce)) {
    problems.push(`LEFT BEHIND on the Chef Server, since ${reason}. Remove it by hand: ${one.command}`);
  }
  if (problems.length > 0) throw new AppError('throw_away_client', problems.join('\n        '));
};

/** What is to be taken back is noted before it is done: an answer that never came does not mean that nothing was done. */
const create = async (
  api: ChefServerApi,
  { org, startsJobs, say }: ThrowAwayOptions,
  undo: Undo[],
): Promise<Signatory> => {
  const name = `push-jobs-test-${randomBytes(8).toString('hex')}`;
  const where = `--server-url ${api.urlOf(org)}`;
  say(`        making the client ${name} in the organization ${org} for the time of the test`);
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

/** Those who may start jobs and see them (REST API, "Rights"). */
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

/** Changes who of the clients is in a group, as it is now; all other members stay. */
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

/** Takes back in this order; hands back what could not be. */
const takeBack = async (undo: readonly Undo[]): Promise<{ one: Undo; reason: string }[]> => {
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
