import { parseArgs } from 'node:util';
import { type ChefState, SUPERUSER } from './chef-state.js';
import { DevChefServer } from './dev-chef-server.js';
import { makePrivateKey } from './key-pair.js';
import { StateFolder } from './state-folder.js';

const HELP = `A Chef Server for development: enough of one for push jobs, on 127.0.0.1 only.

  --folder DIR     state and private keys (NAME.pem, 0600); a restart continues with them   (required)
  --port N         TCP port (default: a free one)
  --pushy-url URL  the Push Jobs server that gets requests for push jobs
  --org NAME       an organization to create (default: acme)
  --user NAME      an administrator of the organization to create; may be repeated
  --node NAME      a node of the organization to create, with its client; may be repeated
`;

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    port: { type: 'string', default: '0' },
    'pushy-url': { type: 'string' },
    org: { type: 'string', default: 'acme' },
    user: { type: 'string', multiple: true, default: [] },
    node: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
  },
});

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** Returns the private key in the folder; creates and stores it first if it is missing. */
const loadOrCreateKey = async (folder: StateFolder, name: string): Promise<string> => {
  const stored = folder.readKey(name);
  if (stored !== undefined) return stored;
  const created = await makePrivateKey();
  folder.writeKey(name, created);
  return created;
};

/** Creates the objects of the options that do not exist yet; their keys go into the folder. */
const createObjects = async (chef: DevChefServer, folder: StateFolder): Promise<void> => {
  if (!chef.state.organizations.has(values.org)) chef.createOrganization(values.org);
  for (const user of values.user) {
    if (chef.state.users.has(user)) continue;
    await chef.createUser(user, {
      orgs: [values.org],
      admin: true,
      privateKey: await loadOrCreateKey(folder, user),
    });
  }
  for (const node of values.node) {
    if (chef.state.organizations.get(values.org)?.clients.has(node) === true) continue;
    await chef.createClient(values.org, node, { privateKey: await loadOrCreateKey(folder, node) });
    chef.createNode(values.org, node);
  }
};

const run = async (folder: StateFolder): Promise<void> => {
  const chef = await DevChefServer.start({
    port: Number(values.port),
    state: folder.load(),
    onChange: (state: ChefState) => folder.save(state),
    superuserKey: await loadOrCreateKey(folder, SUPERUSER),
    ...(values['pushy-url'] === undefined ? {} : { pushyUrl: values['pushy-url'] }),
  });
  await createObjects(chef, folder);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void chef.stop());
  print(`development Chef Server listening on ${chef.url}`);
};

if (values.help || values.folder === undefined) {
  print(HELP);
  process.exitCode = values.help ? 0 : 1;
} else {
  await run(new StateFolder(values.folder));
}
