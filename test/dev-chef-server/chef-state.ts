import { randomBytes } from 'node:crypto';

/** A user, or a client of an organization. Keys are public, PEM, by the name of the key. */
export interface Actor {
  readonly name: string;
  readonly authzId: string;
  readonly keys: Map<string, string>;
}

/** Who is in a group; `groups` are names of nested groups. */
export interface Group {
  readonly users: string[];
  readonly clients: string[];
  readonly groups: string[];
}

/** A node object as the Chef Server keeps it; attributes are looked at by searches only. */
export interface ChefNode {
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface Organization {
  readonly name: string;
  readonly fullName: string;
  /** 32 hex digits. */
  readonly guid: string;
  /** Names of the users that are associated. */
  readonly members: Set<string>;
  readonly clients: Map<string, Actor>;
  readonly groups: Map<string, Group>;
  readonly nodes: Map<string, ChefNode>;
}

/** All that a development Chef Server knows. */
export interface ChefState {
  readonly users: Map<string, Actor>;
  readonly organizations: Map<string, Organization>;
}

/** The user that may do everything, as on a real server. */
export const SUPERUSER = 'pivotal';

/** 32 hex digits, as the Chef Server names organizations and actors inside. */
export const newGuid = (): string => randomBytes(16).toString('hex');

/** A server on which nobody has done anything yet. */
export const emptyState = (): ChefState => ({ users: new Map(), organizations: new Map() });

/** An actor with one key, called `default`. */
export const newActor = (name: string, publicKey: string): Actor => ({
  name,
  authzId: newGuid(),
  keys: new Map([['default', publicKey]]),
});

/** An organization with the groups that every one is born with. */
export const newOrganization = (name: string, fullName: string, guid: string): Organization => ({
  name,
  fullName,
  guid,
  members: new Set(),
  clients: new Map(),
  groups: new Map(['admins', 'billing-admins', 'clients', 'users'].map((group) => [group, emptyGroup()])),
  nodes: new Map(),
});

/** A group that nobody is in. */
export const emptyGroup = (): Group => ({ users: [], clients: [], groups: [] });
