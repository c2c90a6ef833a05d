import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { ok, type Result } from '../../shared/lib/result.js';
import type { Identity, Refusal, Right } from './auth.port.js';
import { CHEF_DIRECTORY, type ChefDirectory, type Unavailable } from './chef-directory.port.js';
import { isInGroup } from './group-membership.js';
import { refusals } from './refusals.js';

/** So many of those who were let in last are known. */
const MOST_KNOWN = 1000;

/** A directory of which some groups are being asked for already. */
type Groups = Pick<ChefDirectory, 'group'>;

/** Judges what somebody may do (REST API, "Rights"). */
@Injectable()
export class Rights {
  /** Who had a right lately, by organization and name. */
  private readonly known = new LRUCache<string, true>({ max: MOST_KNOWN });
  /** The organizations that had a group of writers when somebody wrote last. */
  private readonly withWriters = new LRUCache<string, true>({ max: MOST_KNOWN });

  constructor(
    @Inject(CHEF_DIRECTORY) private readonly directory: ChefDirectory,
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
  ) {}

  /**
   * Begins to ask for the groups that a request with this right will need, while it is not known yet who sent it: that
   * saves a round of questions. Strangers must not have others ask in the superuser's name, so this is done only for
   * names that had a right lately; what they may now the answers tell.
   */
  askAhead(org: string, name: string, right: Right): Groups {
    if (!this.known.has(nameOf(org, name))) return this.directory;
    const asked = new Map(
      this.groupsOf(org, right).map((group) => [group, this.directory.group(org, group)]),
    );
    for (const answer of asked.values()) answer.catch(toldToWhoNeedsIt);
    return { group: (inOrg, group) => asked.get(group) ?? this.directory.group(inOrg, group) };
  }

  /** The refusal of a requestor who lacks the right; `node` is the node that a `config` route is about. */
  async refuse(
    requestor: Identity,
    right: Right,
    node: string | undefined,
    groups: Groups = this.directory,
  ): Promise<Refusal | undefined> {
    const refusal = await this.judge(requestor, right, node, groups);
    if (refusal === undefined && right !== 'config') {
      this.known.set(nameOf(requestor.orgName, requestor.name), true);
    }
    return refusal;
  }

  private async judge(
    requestor: Identity,
    right: Right,
    node: string | undefined,
    groups: Groups,
  ): Promise<Refusal | undefined> {
    switch (right) {
      case 'read':
        return this.refuseNonReader(requestor, groups);
      case 'write':
        return this.refuseNonWriter(requestor, groups);
      case 'config':
        return requestor.type === 'user'
          ? this.refuseNonReader(requestor, groups)
          : this.refuseOtherNodes(requestor, node);
    }
  }

  private refuseOtherNodes(client: Identity, node: string | undefined): Refusal | undefined {
    return this.config.validate_client_node_name && client.name !== node ? refusals.nodeName() : undefined;
  }

  /** Without a group of readers every member of the organization may read. */
  private async refuseNonReader(requestor: Identity, groups: Groups): Promise<Refusal | undefined> {
    const isReader = await this.isIn(groups, 'pushy_job_readers', requestor);
    return refusalOf(requestor, isReader.ok ? ok(isReader.value ?? true) : isReader);
  }

  /**
   * Without a group of writers the administrators may write. Both are asked for at once, so that no job waits twice, but
   * where there was a group of writers the last time.
   */
  private async refuseNonWriter(requestor: Identity, groups: Groups): Promise<Refusal | undefined> {
    const { orgName } = requestor;
    const [isWriter, isAdmin] = await Promise.all([
      this.isIn(groups, 'pushy_job_writers', requestor),
      this.withWriters.has(orgName) ? undefined : this.isIn(groups, 'admins', requestor),
    ]);
    if (!isWriter.ok) return refusalOf(requestor, isWriter);
    if (isWriter.value !== undefined) {
      this.withWriters.set(orgName, true);
      return refusalOf(requestor, isWriter);
    }
    this.withWriters.delete(orgName);
    return refusalOf(requestor, isAdmin ?? (await this.isIn(groups, 'admins', requestor)));
  }

  /** The groups that a right depends on, whoever asks; those of a config route depend on that. */
  private groupsOf(org: string, right: Right): readonly string[] {
    if (right === 'config') return [];
    if (right === 'read') return ['pushy_job_readers'];
    return this.withWriters.has(org) ? ['pushy_job_writers'] : ['pushy_job_writers', 'admins'];
  }

  private isIn(
    groups: Groups,
    group: string,
    requestor: Identity,
  ): Promise<Result<boolean | undefined, Unavailable>> {
    const withinMs = this.config.chef_server.timeout * 1000;
    return isInGroup(groups, requestor.orgName, group, requestor, withinMs);
  }
}

/** A request that is refused before its groups matter never looks at how their look-up broke off. */
const toldToWhoNeedsIt = (): undefined => undefined;

const nameOf = (org: string, name: string): string => JSON.stringify([org, name]);

const refusalOf = (
  { name }: Identity,
  isAllowed: Result<boolean | undefined, Unavailable>,
): Refusal | undefined => {
  if (!isAllowed.ok) return refusals.unavailable(isAllowed.error.reason);
  return isAllowed.value === true ? undefined : refusals.rights(name);
};
