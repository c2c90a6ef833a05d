import type { ResolvedSettings } from './resolve-settings.js';

/** Names of settings that are never shown. */
const SECRET_NAME = /password|secret|(^|_)key$/;

/**
 * Returns all settings, without secrets, in the form that Chef's programs know:
 * `{ pushy: { 'opscode-pushy-server': …, postgresql: … } }`.
 */
export const showSettings = ({
  sections,
  serverConfig,
  serviceUser,
}: ResolvedSettings): { pushy: object } => {
  const { opscode_pushy_server, postgresql, bootstrap } = sections;
  return {
    pushy: withoutSecrets({
      bootstrap,
      'chef-server': serverConfig.chef_server,
      'opscode-pushy-server': {
        ...opscode_pushy_server,
        server_name_advertised: serverConfig.server_name_advertised,
      },
      postgresql,
      user: { username: serviceUser },
    }) as object,
  };
};

const withoutSecrets = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !SECRET_NAME.test(name))
      .map(([name, inner]) => [name, withoutSecrets(inner)]),
  );
};
