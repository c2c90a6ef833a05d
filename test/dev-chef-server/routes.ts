import { type ChefResponse, type ChefRequest, ok, rejected } from './responses.js';
import { rejectUnsigned } from './authenticate.js';
import { handleChange } from './changes.js';
import type { ChefAdministration } from './chef-administration.js';
import type { ChefState, Group, Organization } from './chef-state.js';
import { clientObject, userObject } from './objects.js';
import { principalsResponse } from './principals.js';
import { searchResponse, nodeObject } from './search.js';

const NO_SUCH_PATH = rejected(404, 'no such resource on this development Chef Server');

/** Handles one request; `url` is its absolute target, `apiVersion` the negotiated version. */
export const handleRequest = (
  chef: ChefAdministration,
  request: ChefRequest,
  url: URL,
  apiVersion: number,
  nowMs: number,
): ChefResponse | Promise<ChefResponse> => {
  const { state } = chef;
  const [root, orgName, kind, name, ...rest] = segmentsOf(url);
  if (root === '_status') return ok({ status: 'pong', upstreams: {} });
  if (rest.length > 0) return NO_SUCH_PATH;
  if (root === 'organizations' && orgName !== undefined && kind === 'principals' && name !== undefined) {
    return principalsResponse(state, orgName, name, apiVersion);
  }
  if (root === 'organizations' && orgName !== undefined) {
    const org = state.organizations.get(orgName);
    if (org === undefined) return rejected(404, `organization '${orgName}' does not exist.`);
    return (
      rejectUnsigned(state, org, request, nowMs) ??
      handleChange(chef, org, request, url, apiVersion, kind, name) ??
      handleInOrganization(state, org, request, url, kind, name)
    );
  }
  return rejectUnsigned(state, undefined, request, nowMs) ?? handleGlobal(state, url, root, orgName);
};

const segmentsOf = (url: URL): string[] =>
  url.pathname
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => decodeURIComponent(segment));

const handleGlobal = (state: ChefState, url: URL, root?: string, name?: string): ChefResponse => {
  if (root === 'organizations') return ok(urlsByName(url, state.organizations.keys()));
  if (root !== 'users') return NO_SUCH_PATH;
  if (name === undefined) return ok(urlsByName(url, state.users.keys()));
  const user = state.users.get(name);
  return user === undefined ? rejected(404, `user '${name}' not found`) : ok(userObject(user));
};

const handleInOrganization = (
  state: ChefState,
  org: Organization,
  request: ChefRequest,
  url: URL,
  kind?: string,
  name?: string,
): ChefResponse => {
  switch (kind) {
    case undefined:
      return ok({ name: org.name, full_name: org.fullName, guid: org.guid });
    case 'groups':
      return oneOrAll(
        org.groups,
        name,
        url,
        (group) => groupObject(org, name ?? '', group),
        'Cannot load group',
      );
    case 'clients':
      return oneOrAll(org.clients, name, url, (client) => clientObject(org, client), 'Cannot load client');
    case 'nodes':
      return oneOrAll(org.nodes, name, url, nodeObject, 'Cannot load node');
    case 'users':
      return membersResponse(state, org, name);
    case 'search':
      if (name !== 'node') return rejected(404, `I don't know how to search for ${name ?? ''} data objects.`);
      return searchResponse(
        org,
        url,
        request.method === 'POST' ? JSON.parse(request.body.toString()) : undefined,
      );
    default:
      return NO_SUCH_PATH;
  }
};

const oneOrAll = <T>(
  all: ReadonlyMap<string, T>,
  name: string | undefined,
  url: URL,
  show: (one: T) => unknown,
  fault: string,
): ChefResponse => {
  if (name === undefined) return ok(urlsByName(url, all.keys()));
  const one = all.get(name);
  return one === undefined ? rejected(404, `${fault} ${name}`) : ok(show(one));
};

const membersResponse = (state: ChefState, org: Organization, name?: string): ChefResponse => {
  if (name === undefined) return ok([...org.members].map((username) => ({ user: { username } })));
  const user = org.members.has(name) ? state.users.get(name) : undefined;
  return user === undefined ? rejected(404, `Cannot find a user ${name}`) : ok(userObject(user));
};

const urlsByName = (url: URL, names: Iterable<string>): Record<string, string> => {
  const base = `${url.origin}${url.pathname.replace(/\/$/, '')}`;
  return Object.fromEntries([...names].map((name) => [name, `${base}/${encodeURIComponent(name)}`]));
};

const groupObject = (org: Organization, name: string, group: Group): object => ({
  actors: [...group.clients, ...group.users],
  users: group.users,
  clients: group.clients,
  groups: group.groups,
  orgname: org.name,
  name,
  groupname: name,
});
