import type { KeyObject } from 'node:crypto';
import type { Result } from '../../shared/lib/result.js';

/** A user or client under one of its keys; the Chef Server gives one of these for each key. */
export interface Principal {
  readonly name: string;
  readonly type: 'user' | 'client';
  readonly key: KeyObject;
  /** Whether it is associated with the organization. */
  readonly isMember: boolean;
}

/** Who is in a group; `groups` are names of nested groups of the same organization. */
export interface ChefGroup {
  readonly users: readonly string[];
  readonly clients: readonly string[];
  readonly groups: readonly string[];
}

/** The Chef Server did not give an answer that can be used. */
export interface Unavailable {
  readonly kind: 'unavailable';
  /** In a few words, without addresses. */
  readonly reason: string;
}

export interface UnknownOrganization {
  readonly kind: 'unknown_organization';
}

/** No such user or client, neither in the organization nor outside. */
export interface UnknownPrincipal {
  readonly kind: 'unknown_principal';
}

/** Why there is no group: the organization has none of this name, or the Chef Server will not show it, for a reason. */
export type NoGroup =
  { readonly kind: 'unknown_group' } | { readonly kind: 'refused'; readonly reason: string };

/** Under this token the directory is injected. */
export const CHEF_DIRECTORY = Symbol('CHEF_DIRECTORY');

/**
 * What the Chef Server knows of users, clients, groups and organizations. Keys and groups are asked for anew each time,
 * as they may change between two requests; each answer is at least as new as its question.
 */
export interface ChefDirectory {
  /** The keys under which a name is known in an organization, users first. */
  principals(
    org: string,
    name: string,
  ): Promise<Result<readonly Principal[], UnknownOrganization | UnknownPrincipal | Unavailable>>;
  /** The organization's guid, 32 hex digits. It is remembered for a minute. */
  orgId(org: string): Promise<Result<string, UnknownOrganization | Unavailable>>;
  group(org: string, name: string): Promise<Result<ChefGroup, NoGroup | Unavailable>>;
}
