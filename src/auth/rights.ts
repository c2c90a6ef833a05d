import { Inject, Injectable } from '@nestjs/common';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { ok, type Result } from '../lib/result.js';
import type { Identity, Refusal, Right } from './auth.port.js';
import { CHEF_DIRECTORY, type ChefDirectory, type Unavailable } from './chef-directory.port.js';
import { isInGroup } from './group-membership.js';
import { refusals } from './refusals.js';

/** Judges what somebody may do (REST API, "Rights"). */
@Injectable()
export class Rights {
  constructor(
    @Inject(CHEF_DIRECTORY) private readonly directory: ChefDirectory,
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
  ) {}

  /** The refusal of a requestor who lacks the right; `node` is the node that a `config` route is about. */
  async refuse(requestor: Identity, right: Right, node: string | undefined): Promise<Refusal | undefined> {
    switch (right) {
      case 'read':
        return this.refuseNonReader(requestor);
      case 'write':
        return this.refuseNonWriter(requestor);
      case 'config':
        return requestor.type === 'user'
          ? this.refuseNonReader(requestor)
          : this.refuseOtherNodes(requestor, node);
    }
  }

  private refuseOtherNodes(client: Identity, node: string | undefined): Refusal | undefined {
    return this.config.validate_client_node_name && client.name !== node ? refusals.nodeName() : undefined;
  }

  /** Without a group of readers every member of the organization may read. */
  private async refuseNonReader(requestor: Identity): Promise<Refusal | undefined> {
    const isReader = await this.isIn('pushy_job_readers', requestor);
    return refusalOf(requestor, isReader.ok ? ok(isReader.value ?? true) : isReader);
  }

  /** Without a group of writers the administrators may write; both are asked for at once, so that no job waits twice. */
  private async refuseNonWriter(requestor: Identity): Promise<Refusal | undefined> {
    const [isWriter, isAdmin] = await Promise.all([
      this.isIn('pushy_job_writers', requestor),
      this.isIn('admins', requestor),
    ]);
    return refusalOf(requestor, isWriter.ok && isWriter.value === undefined ? isAdmin : isWriter);
  }

  private isIn(group: string, requestor: Identity): Promise<Result<boolean | undefined, Unavailable>> {
    const withinMs = this.config.chef_server.timeout * 1000;
    return isInGroup(this.directory, requestor.orgName, group, requestor, withinMs);
  }
}

const refusalOf = (
  { name }: Identity,
  isAllowed: Result<boolean | undefined, Unavailable>,
): Refusal | undefined => {
  if (!isAllowed.ok) return refusals.unavailable(isAllowed.error.reason);
  return isAllowed.value === true ? undefined : refusals.rights(name);
};
