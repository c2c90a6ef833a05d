import { type ChefResponse, type ChefRequest, ok, rejected } from './responses.js';
import type { ChefAdministration } from './chef-administration.js';
import { type Group, type Organization, SUPERUSER } from './chef-state.js';
import { makePrivateKey, publicKeyOf } from './key-pair.js';
import { clientObject } from './objects.js';

/** Body of a request that changes an organization. */
interface ChangeBody {
  readonly name?: string;
  readonly create_key?: boolean;
  readonly groupname?: string;
  readonly actors?: Partial<Group>;
}

/**
 * Handles requests that change an organization: `POST clients`, `DELETE clients/NAME`, `PUT groups/NAME`; returns
 * undefined for other requests. Only the superuser and administrators have the right.
 */
export const handleChange = (
  chef: ChefAdministration,
  org: Organization,
  request: ChefRequest,
  url: URL,
  apiVersion: number,
  kind?: string,
  name?: string,
): ChefResponse | Promise<ChefResponse> | undefined => {
  const change = `${request.method} ${kind ?? ''}${name === undefined ? '' : '/NAME'}`;
  if (!['POST clients', 'DELETE clients/NAME', 'PUT groups/NAME'].includes(change)) return undefined;
  if (!mayChange(org, String(request.headers['x-ops-userid']))) {
    return rejected(403, `missing ${change === 'POST clients' ? 'create' : 'update'} permission`);
  }
  if (change === 'DELETE clients/NAME') return deleteClient(chef, org, name ?? '');
  const body = JSON.parse(request.body.toString()) as ChangeBody;
  return change === 'POST clients'
    ? createClient(chef, org, url, apiVersion, body)
    : replaceGroup(chef, org, name ?? '', body);
};

const mayChange = ({ groups }: Organization, name: string): boolean => {
  const admins = groups.get('admins');
  return (
    name === SUPERUSER || admins?.users.includes(name) === true || admins?.clients.includes(name) === true
  );
};

/** Since API version 1 the key is in an object `chef_key`, and only if the request has `create_key`. */
const createClient = async (
  chef: ChefAdministration,
  org: Organization,
  url: URL,
  apiVersion: number,
  { name, create_key }: ChangeBody,
): Promise<ChefResponse> => {
  if (name === undefined) return rejected(400, "Field 'name' missing");
  if (org.clients.has(name)) return rejected(409, 'Client already exists');
  const privateKey = await makePrivateKey();
  await chef.createClient(org.name, name, { privateKey });
  const uri = `${url.origin}/organizations/${org.name}/clients/${name}`;
  const pair = { private_key: privateKey, public_key: publicKeyOf(privateKey) };
  if (apiVersion === 0) return { status: 201, body: { uri, ...pair } };
  if (create_key !== true) return { status: 201, body: { uri } };
  const key = { name: 'default', expiration_date: 'infinity', ...pair, uri: `${uri}/keys/default` };
  return { status: 201, body: { uri, chef_key: key } };
};

const deleteClient = (chef: ChefAdministration, org: Organization, name: string): ChefResponse => {
  const client = org.clients.get(name);
  if (client === undefined) return rejected(404, `Cannot load client ${name}`);
  chef.deleteClient(org.name, name);
  return ok(clientObject(org, client));
};

/** Replaces all members; empty `actors` change nothing, and an unknown member is an internal error. */
const replaceGroup = (
  chef: ChefAdministration,
  org: Organization,
  name: string,
  { groupname = name, actors = {} }: ChangeBody,
): ChefResponse => {
  if (!org.groups.has(name)) return rejected(404, `Cannot load group ${name}`);
  if (groupname !== name) return rejected(400, 'this development Chef Server does not rename groups');
  if (Object.keys(actors).length > 0) {
    const { users = [], clients = [] } = actors;
    const isThere =
      users.every((user) => chef.state.users.has(user)) && clients.every((client) => org.clients.has(client));
    if (!isThere) return rejected(500, 'internal service error');
    chef.setGroup(org.name, name, actors);
  }
  return ok({ name, groupname, actors });
};
