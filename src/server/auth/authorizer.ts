import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import type { Rejection } from '../http/rejected-request.js';
import { ok, type Result } from '../../shared/lib/result.js';
import type { Identity, Right } from './auth.port.js';
import { ChefDirectory, type Unavailable } from './chef-directory.port.js';
import { isInGroup } from './group-membership.js';
import { rejections } from './rejections.js';

/** At most this many names, and this many organizations, are remembered. */
const MAX_REMEMBERED = 1000;

/** A directory that may have requested some groups already. */
type Groups = Pick<ChefDirectory, 'group'>;

/**
 * Decides whether a requestor has the right that a route requires, else the response is 403. See docs/spec/rest-api.md,
 * "Rights". (The other 403, for principals outside the organization, comes from the `Authenticator`.)
 */
@Injectable()
export class Authorizer {
  /** Who had a right recently, by organization and name. */
  private readonly recentlyAuthorized = new LRUCache<string, true>({ max: MAX_REMEMBERED });
  /** The organizations that had a group of writers at the last write. */
  private readonly orgsWithWriters = new LRUCache<string, true>({ max: MAX_REMEMBERED });

  constructor(
    private readonly directory: ChefDirectory,
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
  ) {}

  /**
   * Requests the groups that the right depends on while the sender is still being verified, which saves a round trip.
   * Unverified senders must not be able to cause requests in the superuser's name, so this is done only for names that
   * had a right recently.
   */
  prefetchGroups(org: string, name: string, right: Right): Groups {
    if (!this.recentlyAuthorized.has(cacheKeyOf(org, name))) return this.directory;
    const prefetched = new Map(
      this.groupsOf(org, right).map((group) => [group, this.directory.group(org, group)]),
    );
    // If authentication fails, nobody awaits the groups; their errors must not become unhandled rejections.
    for (const group of prefetched.values()) group.catch(() => undefined);
    return { group: (inOrg, group) => prefetched.get(group) ?? this.directory.group(inOrg, group) };
  }

  /** Returns the rejection of a requestor without the right. `node` is the node that a `config` route is about. */
  async authorize(
    requestor: Identity,
    right: Right,
    node: string | undefined,
    groups: Groups = this.directory,
  ): Promise<Rejection | undefined> {
    const rejection = await this.decide(requestor, right, node, groups);
    if (rejection === undefined && right !== 'config') {
      this.recentlyAuthorized.set(cacheKeyOf(requestor.orgName, requestor.name), true);
    }
    return rejection;
  }

  private async decide(
    requestor: Identity,
    right: Right,
    node: string | undefined,
    groups: Groups,
  ): Promise<Rejection | undefined> {
    switch (right) {
      case 'read':
        return this.requireReader(requestor, groups);
      case 'write':
        return this.requireWriter(requestor, groups);
      case 'config':
        return requestor.type === 'user'
          ? this.requireReader(requestor, groups)
          : this.requireNodeItself(requestor, node);
    }
  }

  private requireNodeItself(client: Identity, node: string | undefined): Rejection | undefined {
    return this.config.validate_client_node_name && client.name !== node ? rejections.nodeName() : undefined;
  }

  /** If the organization has no group of readers, every member may read. */
  private async requireReader(requestor: Identity, groups: Groups): Promise<Rejection | undefined> {
    const isReader = await this.isIn(groups, 'pushy_job_readers', requestor);
    return rejectionOf(requestor, isReader.ok ? ok(isReader.value ?? true) : isReader);
  }

  /**
   * If the organization has no group of writers, its admins may write. Both groups are requested in parallel, unless the
   * organization had a group of writers the last time.
   */
  private async requireWriter(requestor: Identity, groups: Groups): Promise<Rejection | undefined> {
    const { orgName } = requestor;
    const [isWriter, isAdmin] = await Promise.all([
      this.isIn(groups, 'pushy_job_writers', requestor),
      this.orgsWithWriters.has(orgName) ? undefined : this.isIn(groups, 'admins', requestor),
    ]);
    if (!isWriter.ok) return rejectionOf(requestor, isWriter);
    if (isWriter.value !== undefined) {
      this.orgsWithWriters.set(orgName, true);
      return rejectionOf(requestor, isWriter);
    }
    this.orgsWithWriters.delete(orgName);
    return rejectionOf(requestor, isAdmin ?? (await this.isIn(groups, 'admins', requestor)));
  }

  /** Returns the groups that a right depends on; those of `config` are known only when the type of the requestor is. */
  private groupsOf(org: string, right: Right): readonly string[] {
    if (right === 'config') return [];
    if (right === 'read') return ['pushy_job_readers'];
    return this.orgsWithWriters.has(org) ? ['pushy_job_writers'] : ['pushy_job_writers', 'admins'];
  }

  private isIn(
    groups: Groups,
    group: string,
    requestor: Identity,
  ): Promise<Result<boolean | undefined, Unavailable>> {
    const timeoutMs = this.config.chef_server.timeout * 1000;
    return isInGroup(groups, requestor.orgName, group, requestor, timeoutMs);
  }
}

const cacheKeyOf = (org: string, name: string): string => JSON.stringify([org, name]);

const rejectionOf = (
  { name }: Identity,
  isAllowed: Result<boolean | undefined, Unavailable>,
): Rejection | undefined => {
  if (!isAllowed.ok) return rejections.unavailable(isAllowed.error.reason);
  return isAllowed.value === true ? undefined : rejections.rights(name);
};
