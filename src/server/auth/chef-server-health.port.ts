/** Under this token the Chef Server's health is injected. */
export const CHEF_SERVER_HEALTH = Symbol('CHEF_SERVER_HEALTH');

/** How the Chef Server has answered lately. */
export interface ChefServerHealth {
  /** Why the last look-up of some kind got no usable answer, in a few words; undefined where all did, or long ago. */
  trouble(): string | undefined;
}
