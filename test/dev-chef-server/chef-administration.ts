import {
  type Actor,
  type ChefState,
  emptyGroup,
  type Group,
  newActor,
  newGuid,
  newOrganization,
  type Organization,
  SUPERUSER,
} from './chef-state.js';
import { makePrivateKey, type PublicKeyForm, publicKeyOf } from './key-pair.js';

/** How an actor gets a key. */
export interface KeyOptions {
  /** An existing private key, PEM (default: a new key, which is slow to create). */
  readonly privateKey?: string;
  /** How the Chef Server stores the public half (default 'spki'). */
  readonly form?: PublicKeyForm;
}

export interface UserOptions extends KeyOptions {
  /** Organizations that the user is associated with. */
  readonly orgs?: readonly string[];
  /** Whether the user is in the group `admins` of these organizations. */
  readonly admin?: boolean;
}

/** A user, or with `org` a client of that organization. */
export interface ActorRef {
  readonly name: string;
  readonly org?: string;
}

/** What administrators do on a Chef Server. Methods that create a key return its private half, PEM, and do not keep it. */
export class ChefAdministration {
  /** The superuser's private key, PEM; undefined if the initial state has a superuser and no key was given. */
  superuserKey: string | undefined;

  constructor(
    readonly state: ChefState,
    private readonly onChange: (state: ChefState) => void = () => undefined,
  ) {}

  /** Creates an organization and returns its guid, 32 hex digits. */
  createOrganization(name: string, options: { fullName?: string; guid?: string } = {}): string {
    const guid = options.guid ?? newGuid();
    this.state.organizations.set(name, newOrganization(name, options.fullName ?? name, guid));
    this.changed();
    return guid;
  }

  /** Creates a user and associates it with existing organizations. */
  async createUser(name: string, options: UserOptions = {}): Promise<string> {
    const privateKey = options.privateKey ?? (await makePrivateKey());
    this.state.users.set(name, newActor(name, publicKeyOf(privateKey, options.form)));
    for (const org of options.orgs ?? []) this.associate(org, name, options.admin);
    this.changed();
    return privateKey;
  }

  /** Associates a user with an organization. */
  associate(org: string, user: string, admin = false): void {
    const { members, groups } = this.organization(org);
    members.add(user);
    join(groups.get('users')?.users, user);
    if (admin) join(groups.get('admins')?.users, user);
    this.changed();
  }

  /** Removes a user from an organization and its groups. */
  dissociate(org: string, user: string): void {
    const { members, groups } = this.organization(org);
    members.delete(user);
    for (const group of groups.values()) leave(group.users, user);
    this.changed();
  }

  /** Creates a client of an organization; each node has one. */
  async createClient(org: string, name: string, options: KeyOptions = {}): Promise<string> {
    const privateKey = options.privateKey ?? (await makePrivateKey());
    const { clients, groups } = this.organization(org);
    clients.set(name, newActor(name, publicKeyOf(privateKey, options.form)));
    join(groups.get('clients')?.clients, name);
    this.changed();
    return privateKey;
  }

  /** Deletes a client and removes it from its groups. */
  deleteClient(org: string, name: string): void {
    const { clients, groups } = this.organization(org);
    clients.delete(name);
    for (const group of groups.values()) leave(group.clients, name);
    this.changed();
  }

  /** Deletes a user and removes it from all organizations. */
  deleteUser(name: string): void {
    for (const org of this.state.organizations.keys()) this.dissociate(org, name);
    this.state.users.delete(name);
    this.changed();
  }

  /** Creates a node object, for searches. */
  createNode(org: string, name: string, attributes: Readonly<Record<string, unknown>> = {}): void {
    this.organization(org).nodes.set(name, { name, attributes });
    this.changed();
  }

  /** Creates or replaces a group. */
  setGroup(org: string, name: string, members: Partial<Group> = {}): void {
    this.organization(org).groups.set(name, { ...emptyGroup(), ...structuredClone(members) });
    this.changed();
  }

  /** Deletes a group. */
  deleteGroup(org: string, name: string): void {
    this.organization(org).groups.delete(name);
    this.changed();
  }

  /** Adds a key to an actor, or replaces its key with that name. */
  async addKey(actor: ActorRef, keyName: string, options: KeyOptions = {}): Promise<string> {
    const privateKey = options.privateKey ?? (await makePrivateKey());
    this.actor(actor).keys.set(keyName, publicKeyOf(privateKey, options.form));
    this.changed();
    return privateKey;
  }

  /** Replaces an actor's `default` key. */
  rotateKey(actor: ActorRef, options: KeyOptions = {}): Promise<string> {
    return this.addKey(actor, 'default', options);
  }

  /** Deletes a key of an actor. */
  deleteKey(actor: ActorRef, keyName: string): void {
    this.actor(actor).keys.delete(keyName);
    this.changed();
  }

  /** Creates the superuser, or sets its key. */
  protected async ensureSuperuser(privateKey: string | undefined): Promise<void> {
    const isThere = this.state.users.has(SUPERUSER);
    if (isThere && privateKey === undefined) return;
    const options = privateKey === undefined ? {} : { privateKey };
    this.superuserKey = isThere
      ? await this.rotateKey({ name: SUPERUSER }, options)
      : await this.createUser(SUPERUSER, options);
  }

  private organization(name: string): Organization {
    const org = this.state.organizations.get(name);
    if (org === undefined)
      throw new Error(`there is no organization '${name}' on the development Chef Server`);
    return org;
  }

  private actor({ name, org }: ActorRef): Actor {
    const actors = org === undefined ? this.state.users : this.organization(org).clients;
    const actor = actors.get(name);
    if (actor === undefined)
      throw new Error(`there is no user or client '${name}' on the development Chef Server`);
    return actor;
  }

  private changed(): void {
    this.onChange(this.state);
  }
}

const join = (members: string[] | undefined, name: string): void => {
  if (members?.includes(name) === false) members.push(name);
};

const leave = (members: string[], name: string): void => {
  const at = members.indexOf(name);
  if (at !== -1) members.splice(at, 1);
};
