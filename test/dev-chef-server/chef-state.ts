import { randomBytes } from 'node:crypto';

/** A user, or a client of an organization. `keys` has public keys, PEM, by name. */
export interface Actor {
  readonly name: string;
  readonly authzId: string;
  readonly keys: Map<string, string>;
}

/** Members of a group; `groups` are names of nested groups. */
export interface Group {
  readonly users: string[];
  readonly clients: string[];
  readonly groups: string[];
}

/** A node object of the Chef Server; only searches use its attributes. */
export interface ChefNode {
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface Organization {
  readonly name: string;
  readonly fullName: string;
  /** 32 hex digits. */
  readonly guid: string;
  /** Names of associated users. */
  readonly members: Set<string>;
  readonly clients: Map<string, Actor>;
  readonly groups: Map<string, Group>;
  readonly nodes: Map<string, ChefNode>;
}

/** The state of a development Chef Server. */
export interface ChefState {
  readonly users: Map<string, Actor>;
  readonly organizations: Map<string, Organization>;
}

/** Name of the user with all rights, as on a real server. */
export const SUPERUSER = 'pivotal';

/** Returns a random internal id of an organization or actor: 32 hex digits. */
export const newGuid = (): string => randomBytes(16).toString('hex');

/** Returns the state of a new server. */
export const emptyState = (): ChefState => ({ users: new Map(), organizations: new Map() });

/** Returns an actor with one key, named `default`. */
export const newActor = (name: string, publicKey: string): Actor => ({
  name,
  authzId: newGuid(),
  keys: new Map([['default', publicKey]]),
});

/** Returns an organization with the default groups. */
export const newOrganization = (name: string, fullName: string, guid: string): Organization => ({
  name,
  fullName,
  guid,
  members: new Set(),
  clients: new Map(),
  groups: new Map(['admins', 'billing-admins', 'clients', 'users'].map((group) => [group, emptyGroup()])),
  nodes: new Map(),
});

/** Returns a group without members. */
export const emptyGroup = (): Group => ({ users: [], clients: [], groups: [] });
