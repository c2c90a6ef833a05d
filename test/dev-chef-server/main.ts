import { parseArgs } from 'node:util';
import { type ChefState, SUPERUSER } from './chef-state.js';
import { DevChefServer } from './dev-chef-server.js';
import { makePrivateKey } from './key-pair.js';
import { StateFolder } from './state-folder.js';

const HELP = `A Chef Server for development: enough of one for push jobs, on 127.0.0.1 only.

  --folder DIR     state and private keys (NAME.pem, 0600); a restart goes on from there   (required)
  --port N         TCP port (default: any that is free)
  --pushy-url URL  the push jobs server that requests for push jobs are handed on to
  --org NAME       an organization to make (default: acme)
  --user NAME      an administrator of it to make; may be repeated
  --node NAME      a node of it to make, with its client; may be repeated
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

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** The private key in the folder, made where there is none; it is there before anybody relies on it. */
const keyOf = async (folder: StateFolder, name: string): Promise<string> => {
  const kept = folder.readKey(name);
  if (kept !== undefined) return kept;
  const made = await makePrivateKey();
  folder.writeKey(name, made);
  return made;
};

/** Makes what is asked for and not there yet; the keys go into the folder. */
const furnish = async (chef: DevChefServer, folder: StateFolder): Promise<void> => {
  if (!chef.state.organizations.has(values.org)) chef.createOrganization(values.org);
  for (const user of values.user) {
    if (chef.state.users.has(user)) continue;
    await chef.createUser(user, { orgs: [values.org], admin: true, privateKey: await keyOf(folder, user) });
  }
  for (const node of values.node) {
    if (chef.state.organizations.get(values.org)?.clients.has(node) === true) continue;
    await chef.createClient(values.org, node, { privateKey: await keyOf(folder, node) });
    chef.createNode(values.org, node);
  }
};

const run = async (folder: StateFolder): Promise<void> => {
  const chef = await DevChefServer.start({
    port: Number(values.port),
    state: folder.load(),
    onChange: (state: ChefState) => folder.save(state),
    superuserKey: await keyOf(folder, SUPERUSER),
    ...(values['pushy-url'] === undefined ? {} : { pushyUrl: values['pushy-url'] }),
  });
  await furnish(chef, folder);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void chef.stop());
  say(`development Chef Server listening on ${chef.url}`);
};

if (values.help || values.folder === undefined) {
  say(HELP);
  process.exitCode = values.help ? 0 : 1;
} else {
  await run(new StateFolder(values.folder));
}
