import { type ChefResponse, ok } from './responses.js';
import type { Actor, ChefState } from './chef-state.js';

interface Principal {
  readonly name: string;
  readonly public_key: string;
  readonly type: 'user' | 'client';
  readonly authz_id: string;
  readonly org_member: boolean;
}

const entries = (actor: Actor | undefined, type: 'user' | 'client', isMember: boolean): Principal[] =>
  actor === undefined
    ? []
    : [...actor.keys.values()].map((key) => ({
        name: actor.name,
        public_key: key,
        type,
        authz_id: actor.authzId,
        org_member: isMember,
      }));

/**
 * Handles `GET /organizations/ORG/principals/NAME`. Since API version 1 the response is a list with an entry for each
 * key, users first. In version 0 it is one object: the client if client and user have the same name.
 */
export const principalsResponse = (
  state: ChefState,
  orgName: string,
  name: string,
  apiVersion: number,
): ChefResponse => {
  const org = state.organizations.get(orgName);
  if (org === undefined) {
    return { status: 404, body: { not_found: 'org', error: `Cannot find org ${orgName}` } };
  }
  const users = entries(state.users.get(name), 'user', org.members.has(name));
  const clients = entries(org.clients.get(name), 'client', true);
  const principals = [...users, ...clients];
  if (principals.length === 0) {
    return { status: 404, body: { not_found: 'principal', error: `Cannot find principal ${name}` } };
  }
  return ok(apiVersion === 0 ? (clients[0] ?? users[0]) : { principals });
};
