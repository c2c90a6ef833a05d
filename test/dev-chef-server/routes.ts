import { type Answer, type ChefRequest, found, refused } from './answers.js';
import { refuseUnsigned } from './authenticate.js';
import { answerChange } from './changes.js';
import type { ChefAdministration } from './chef-administration.js';
import type { ChefState, Group, Organization } from './chef-state.js';
import { clientObject, userObject } from './objects.js';
import { answerPrincipals } from './principals.js';
import { answerSearch, nodeObject } from './search.js';

const NO_SUCH_PATH = refused(404, 'no such resource on this development Chef Server');

/** Answers one request; `url` is its target made absolute, `apiVersion` the version agreed upon. */
export const answerRequest = (
  chef: ChefAdministration,
  request: ChefRequest,
  url: URL,
  apiVersion: number,
  nowMs: number,
): Answer | Promise<Answer> => {
  const { state } = chef;
  const [root, orgName, kind, name, ...rest] = segmentsOf(url);
  if (root === '_status') return found({ status: 'pong', upstreams: {} });
  if (rest.length > 0) return NO_SUCH_PATH;
  if (root === 'organizations' && orgName !== undefined && kind === 'principals' && name !== undefined) {
    return answerPrincipals(state, orgName, name, apiVersion);
  }
  if (root === 'organizations' && orgName !== undefined) {
    const org = state.organizations.get(orgName);
    if (org === undefined) return refused(404, `organization '${orgName}' does not exist.`);
    return (
      refuseUnsigned(state, org, request, nowMs) ??
      answerChange(chef, org, request, url, apiVersion, kind, name) ??
      answerInOrganization(state, org, request, url, kind, name)
    );
  }
  return refuseUnsigned(state, undefined, request, nowMs) ?? answerGlobal(state, url, root, orgName);
};

const segmentsOf = (url: URL): string[] =>
  url.pathname
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => decodeURIComponent(segment));

const answerGlobal = (state: ChefState, url: URL, root?: string, name?: string): Answer => {
  if (root === 'organizations') return found(addresses(url, state.organizations.keys()));
  if (root !== 'users') return NO_SUCH_PATH;
  if (name === undefined) return found(addresses(url, state.users.keys()));
  const user = state.users.get(name);
  return user === undefined ? refused(404, `user '${name}' not found`) : found(userObject(user));
};

const answerInOrganization = (
  state: ChefState,
  org: Organization,
  request: ChefRequest,
  url: URL,
  kind?: string,
  name?: string,
): Answer => {
  switch (kind) {
    case undefined:
      return found({ name: org.name, full_name: org.fullName, guid: org.guid });
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
      return answerMembers(state, org, name);
    case 'search':
      if (name !== 'node') return refused(404, `I don't know how to search for ${name ?? ''} data objects.`);
      return answerSearch(
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
): Answer => {
  if (name === undefined) return found(addresses(url, all.keys()));
  const one = all.get(name);
  return one === undefined ? refused(404, `${fault} ${name}`) : found(show(one));
};

const answerMembers = (state: ChefState, org: Organization, name?: string): Answer => {
  if (name === undefined) return found([...org.members].map((username) => ({ user: { username } })));
  const user = org.members.has(name) ? state.users.get(name) : undefined;
  return user === undefined ? refused(404, `Cannot find a user ${name}`) : found(userObject(user));
};

const addresses = (url: URL, names: Iterable<string>): Record<string, string> => {
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
