import type { KeyObject } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { err, ok, type Result } from '../../shared/lib/result.js';
import type { SignedHeaders } from '../../shared/protocol/chef-signature/signed-headers.js';
import { type ReceivedRequest, verifyRequest } from '../../shared/protocol/chef-signature/verify-request.js';
import type { Identity, Refusal } from './auth.port.js';
import {
  CHEF_DIRECTORY,
  type ChefDirectory,
  type Principal,
  type Unavailable,
  type UnknownOrganization,
  type UnknownPrincipal,
} from './chef-directory.port.js';
import { refusals } from './refusals.js';

/** Finds out who sent a request. */
@Injectable()
export class Authenticator {
  constructor(@Inject(CHEF_DIRECTORY) private readonly directory: ChefDirectory) {}

  /**
   * The one whose key made the signature, a member of the organization; else the first refusal of: organization,
   * principal, association, signature. A name may stand for a user and a client, each with several keys: the key that
   * verifies says who it is.
   */
  async identify(
    orgName: string,
    signed: SignedHeaders,
    received: ReceivedRequest,
  ): Promise<Result<Identity, Refusal>> {
    const { userId } = signed;
    const [principals, orgId] = await Promise.all([
      this.directory.principals(orgName, userId),
      this.directory.orgId(orgName),
    ]);
    if (!orgId.ok && orgId.error.kind === 'unknown_organization') {
      return err(refusals.organization(orgName));
    }
    if (!principals.ok) return err(refusalOf(principals.error, orgName, userId));
    const signer = findSigner(principals.value, (key) => verifyRequest(signed, received, key));
    if (signer === 'outsider') return err(refusals.association(userId, orgName));
    if (signer === undefined) return err(refusals.signature(userId));
    if (!orgId.ok) return err(refusalOf(orgId.error, orgName, userId));
    return ok({ name: signer.name, type: signer.type, orgName, orgId: orgId.value, key: signer.key });
  }
}

const refusalOf = (
  fault: UnknownOrganization | UnknownPrincipal | Unavailable,
  org: string,
  name: string,
): Refusal => {
  switch (fault.kind) {
    case 'unknown_organization':
      return refusals.organization(org);
    case 'unknown_principal':
      return refusals.principal(name);
    case 'unavailable':
      return refusals.unavailable(fault.reason);
  }
};

/** The member whose key verifies; an outsider where nobody of the name is a member, or only an outsider's key verifies. */
const findSigner = (
  principals: readonly Principal[],
  verifies: (key: KeyObject) => boolean,
): Principal | 'outsider' | undefined => {
  const members = principals.filter(({ isMember }) => isMember);
  const outsiders = principals.filter(({ isMember }) => !isMember);
  if (members.length === 0 && outsiders.length > 0) return 'outsider';
  const signer = members.find(({ key }) => verifies(key));
  return signer ?? (outsiders.some(({ key }) => verifies(key)) ? 'outsider' : undefined);
};
