import type { KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Rejection } from '../http/rejected-request.js';
import { err, ok, type Result } from '../../shared/lib/result.js';
import type { SignedHeaders } from '../../shared/protocol/chef-signature/signed-headers.js';
import { type ReceivedRequest, verifyRequest } from '../../shared/protocol/chef-signature/verify-request.js';
import type { Identity } from './auth.port.js';
import {
  ChefDirectory,
  type Principal,
  type Unavailable,
  type UnknownOrganization,
  type UnknownPrincipal,
} from './chef-directory.port.js';
import { rejections } from './rejections.js';

/** Verifies who signed a request, and that this principal is a member of the organization. */
@Injectable()
export class Authenticator {
  constructor(private readonly directory: ChefDirectory) {}

  /**
   * Returns the member of the organization whose key verifies the signature. Otherwise returns the first rejection in
   * this order: organization, principal, association, signature. A user and a client may have the same name, each with
   * several keys: the key that verifies the signature identifies the principal.
   */
  async identify(
    orgName: string,
    signed: SignedHeaders,
    received: ReceivedRequest,
  ): Promise<Result<Identity, Rejection>> {
    const { userId } = signed;
    const [principals, orgId] = await Promise.all([
      this.directory.principals(orgName, userId),
      this.directory.orgId(orgName),
    ]);
    if (!orgId.ok && orgId.error.kind === 'unknown_organization') {
      return err(rejections.organization(orgName));
    }
    if (!principals.ok) return err(rejectionOf(principals.error, orgName, userId));
    const signer = findSigner(principals.value, (key) => verifyRequest(signed, received, key));
    if (signer === 'outsider') return err(rejections.association(userId, orgName));
    if (signer === undefined) return err(rejections.signature(userId));
    if (!orgId.ok) return err(rejectionOf(orgId.error, orgName, userId));
    return ok({ name: signer.name, type: signer.type, orgName, orgId: orgId.value, key: signer.key });
  }
}

const rejectionOf = (
  fault: UnknownOrganization | UnknownPrincipal | Unavailable,
  org: string,
  name: string,
): Rejection => {
  switch (fault.kind) {
    case 'unknown_organization':
      return rejections.organization(org);
    case 'unknown_principal':
      return rejections.principal(name);
    case 'unavailable':
      return rejections.unavailable(fault.reason);
  }
};

/** Returns the member whose key verifies; 'outsider' if no principal is a member, or if only an outsider's key verifies. */
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
