import type { ProxySettings } from '../../platform/http/http-dispatcher.js';
import type { CliEnvironment } from '../cli-environment.js';
import type { ConnectionSettings } from './connection-settings.js';

/**
 * The proxies that the sources name, else those of the environment (`http_proxy`, `HTTPS_PROXY`, …); an empty text
 * stands for none.
 */
export const resolveProxy = (
  sources: readonly ConnectionSettings[],
  { env }: Pick<CliEnvironment, 'env'>,
): Required<ProxySettings> => {
  const find = (name: keyof ProxySettings, variable: string): string =>
    sources.find(({ proxy }) => proxy?.[name] !== undefined)?.proxy?.[name] ??
    env[variable] ??
    env[variable.toUpperCase()] ??
    '';
  return {
    http: withScheme(find('http', 'http_proxy')),
    https: withScheme(find('https', 'https_proxy')),
    none: find('none', 'no_proxy'),
  };
};

/** Many write a proxy as `HOST:PORT`. */
const withScheme = (proxy: string): string =>
  proxy === '' || /^https?:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
