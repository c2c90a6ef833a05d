import type { KeyObject } from 'node:crypto';
import { readSignedHeaders } from '../../src/shared/protocol/chef-signature/signed-headers.js';
import { readPublicKey, verifyRequest } from '../../src/shared/protocol/chef-signature/verify-request.js';
import { type Answer, type ChefRequest, refused } from './answers.js';
import { type Actor, type ChefState, type Organization, SUPERUSER } from './chef-state.js';

/**
 * Checks who signed a request, as the Chef Server does; `org` is the organization that it is about, if any. Gives the
 * answer that refuses it, or undefined where it may go on.
 */
export const refuseUnsigned = (
  state: ChefState,
  org: Organization | undefined,
  request: ChefRequest,
  nowMs: number,
): Answer | undefined => {
  const headers = readSignedHeaders(request.headers, nowMs);
  if (!headers.ok) {
    const { kind } = headers.error;
    return refused(
      kind === 'missing' || kind === 'unsupported_version' ? 400 : 401,
      `signed headers: ${kind}`,
    );
  }
  const { userId } = headers.value;
  const user = state.users.get(userId);
  const actors = [org?.clients.get(userId), user].filter((actor) => actor !== undefined);
  if (actors.length === 0) {
    const advice = 'Ensure that your node_name and client key are correct.';
    return refused(401, `Failed to authenticate as '${userId}'. ${advice}`);
  }
  const received = { method: request.method, path: request.target, body: request.body };
  const signer = actors.find((actor) =>
    keysOf(actor).some((key) => verifyRequest(headers.value, received, key)),
  );
  if (signer === undefined) return refused(401, `Invalid signature for user or client '${userId}'`);
  if (signer === user && !mayEnter(org, userId)) {
    return refused(403, `'${userId}' not associated with organization '${org?.name ?? ''}'`);
  }
  return undefined;
};

const mayEnter = (org: Organization | undefined, user: string): boolean =>
  org === undefined || user === SUPERUSER || org.members.has(user);

/** Keys as they were read, by their text: reading one takes longer than all else of a request. */
const read = new Map<string, KeyObject | undefined>();

const readOnce = (pem: string): KeyObject | undefined => {
  if (!read.has(pem)) read.set(pem, readPublicKey(pem));
  return read.get(pem);
};

const keysOf = (actor: Actor): KeyObject[] =>
  [...actor.keys.values()].map(readOnce).filter((key) => key !== undefined);
