import type { Product } from './resolve-settings.js';

/** A setting whose name says that it is secret is never shown, wherever it came from. */
const SECRET_NAME = /password|secret|(^|_)key$/;

/**
 * The settings in the form that Chef's programs know: `{ pushy: { 'opscode-pushy-server': …, postgresql: … } }`, with
 * what was set, what was inherited and the defaults. Without secrets.
 */
export const showSettings = ({ settings, serverConfig, serviceUser }: Product): { pushy: object } => {
  const { opscode_pushy_server, postgresql, bootstrap } = settings;
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
