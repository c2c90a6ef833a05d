import type { Actor, Organization } from './chef-state.js';

/** Returns a client as `GET clients/NAME` shows it. */
export const clientObject = (org: Organization, client: Actor): object => ({
  name: client.name,
  clientname: client.name,
  orgname: org.name,
  json_class: 'Chef::ApiClient',
  chef_type: 'client',
  validator: false,
});

/** Returns a user as `GET users/NAME` shows it. */
export const userObject = (user: Actor): object => ({
  username: user.name,
  display_name: user.name,
  email: `${user.name}@example.com`,
});
