import type { KeyObject } from 'node:crypto';
import { parseSignedHeaders } from '../../src/shared/protocol/chef-signature/signed-headers.js';
import { parsePublicKey, verifyRequest } from '../../src/shared/protocol/chef-signature/verify-request.js';
import { type ChefResponse, type ChefRequest, rejected } from './responses.js';
import { type Actor, type ChefState, type Organization, SUPERUSER } from './chef-state.js';

/**
 * Authenticates a request as the Chef Server does; `org` is the organization of its path, if any. Returns a rejection, or
 * undefined if the request is authentic.
 */
export const rejectUnsigned = (
  state: ChefState,
  org: Organization | undefined,
  request: ChefRequest,
  nowMs: number,
): ChefResponse | undefined => {
  const headers = parseSignedHeaders(request.headers, nowMs);
  if (!headers.ok) {
    const { kind } = headers.error;
    return rejected(
      kind === 'missing' || kind === 'unsupported_version' ? 400 : 401,
      `signed headers: ${kind}`,
    );
  }
  const { userId } = headers.value;
  const user = state.users.get(userId);
  const actors = [org?.clients.get(userId), user].filter((actor) => actor !== undefined);
  if (actors.length === 0) {
    const advice = 'Ensure that your node_name and client key are correct.';
    return rejected(401, `Failed to authenticate as '${userId}'. ${advice}`);
  }
  const received = { method: request.method, path: request.target, body: request.body };
  const signer = actors.find((actor) =>
    keysOf(actor).some((key) => verifyRequest(headers.value, received, key)),
  );
  if (signer === undefined) return rejected(401, `Invalid signature for user or client '${userId}'`);
  if (signer === user && !mayEnter(org, userId)) {
    return rejected(403, `'${userId}' not associated with organization '${org?.name ?? ''}'`);
  }
  return undefined;
};

const mayEnter = (org: Organization | undefined, user: string): boolean =>
  org === undefined || user === SUPERUSER || org.members.has(user);

/** Parsed keys by their PEM text: parsing a key is the slowest part of a request. */
const keyCache = new Map<string, KeyObject | undefined>();

const parseCached = (pem: string): KeyObject | undefined => {
  if (!keyCache.has(pem)) keyCache.set(pem, parsePublicKey(pem));
  return keyCache.get(pem);
};

const keysOf = (actor: Actor): KeyObject[] =>
  [...actor.keys.values()].map(parseCached).filter((key) => key !== undefined);
