/** A development Chef Server with many nodes, in its own process; `installation.ts` starts it. */
import { DevChefServer } from '../dev-chef-server/dev-chef-server.js';
import { makePrivateKey } from '../dev-chef-server/key-pair.js';

/** Message to this process. */
export interface ChefServerTask {
  readonly org: string;
  readonly user: string;
  readonly nodes: readonly string[];
}

/** Message of this process when it is ready; keys are RSA private keys, PEM. */
export interface ChefServerReady {
  readonly url: string;
  readonly superuserKey: string;
  readonly userKey: string;
  /** Shared by all clients because creating a key is slow. */
  readonly clientKey: string;
}

const start = async ({ org, user, nodes }: ChefServerTask): Promise<ChefServerReady> => {
  const superuserKey = await makePrivateKey();
  const clientKey = await makePrivateKey();
  const chef = await DevChefServer.start({ superuserKey });
  chef.createOrganization(org);
  const userKey = await chef.createUser(user, { orgs: [org], admin: true });
  chef.setGroup(org, 'pushy_job_writers', { users: [user] });
  for (const node of nodes) await chef.createClient(org, node, { privateKey: clientKey });
  return { url: chef.url, superuserKey, userKey, clientKey };
};

process.on('message', (task: ChefServerTask) => void start(task).then((ready) => process.send?.(ready)));
process.on('disconnect', () => process.exit(0));
