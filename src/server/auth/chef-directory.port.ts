import type { KeyObject } from 'node:crypto';
import type { Result } from '../../shared/lib/result.js';

/** A user or client with one of its keys; Chef Server lists one of these for each key. */
export interface Principal {
  readonly name: string;
  readonly type: 'user' | 'client';
  readonly key: KeyObject;
  /** Whether it is associated with the organization. */
  readonly isMember: boolean;
}

/** The members of a group; `groups` are the names of nested groups of the same organization. */
export interface ChefGroup {
  readonly users: readonly string[];
  readonly clients: readonly string[];
  readonly groups: readonly string[];
}

/** Chef Server gave no usable response. */
export interface Unavailable {
  readonly kind: 'unavailable';
  /** A few words without addresses; part of the 502 response. */
  readonly reason: string;
}

export interface UnknownOrganization {
  readonly kind: 'unknown_organization';
}

/** No user or client has this name, neither in the organization nor outside. */
export interface UnknownPrincipal {
  readonly kind: 'unknown_principal';
}

/** The organization has no group of this name, or Chef Server does not show it. */
export type NoGroup =
  { readonly kind: 'unknown_group' } | { readonly kind: 'refused'; readonly reason: string };

/**
 * The users, clients, groups and organizations of Chef Server. Each call gets keys and groups that are at least as new as
 * the call, unless the setting `cache_seconds` allows older ones.
 */
export abstract class ChefDirectory {
  /** Returns the principals of this name, one for each key, users first. */
  abstract principals(
    org: string,
    name: string,
  ): Promise<Result<readonly Principal[], UnknownOrganization | UnknownPrincipal | Unavailable>>;
  /** Returns the organization's guid, 32 hex digits. It may be up to a minute old. */
  abstract orgId(org: string): Promise<Result<string, UnknownOrganization | Unavailable>>;
  abstract group(org: string, name: string): Promise<Result<ChefGroup, NoGroup | Unavailable>>;
}

/** Whether Chef Server responds. */
export abstract class ChefServerHealth {
  /**
   * Returns why the last lookup of some kind failed, in a few words; undefined if the last one of each kind succeeded, or
   * failed more than 30 seconds ago.
   */
  abstract unavailabilityReason(): string | undefined;
}
