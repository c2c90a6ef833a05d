import {
  findProxyVariable,
  proxyAddress,
  type Proxies,
  type ProxySettings,
} from '../../shared/platform/http/proxy-settings.js';
import type { CliEnvironment } from '../cli-environment.js';
import type { ConnectionSettings } from './connection-settings.js';

/**
 * The proxies that the sources name, else those of the environment (`http_proxy`, `HTTPS_PROXY`, …); an empty text
 * stands for none. Throws an AppError that says where one that is no address comes from.
 */
export const resolveProxy = (
  sources: readonly ConnectionSettings[],
  { env }: Pick<CliEnvironment, 'env'>,
): Proxies => {
  const find = (name: keyof ProxySettings, variable: string): Found => {
    for (const { source, proxy } of sources) {
      const value = proxy?.[name];
      if (value !== undefined) return { value, from: `${variable} of ${source}` };
    }
    const { value, name: from } = findProxyVariable(env, variable);
    return { value, from };
  };
  const http = find('http', 'http_proxy');
  const https = find('https', 'https_proxy');
  return {
    http: proxyAddress(http.value, http.from),
    https: proxyAddress(https.value, https.from),
    none: find('none', 'no_proxy').value,
  };
};

interface Found {
  readonly value: string;
  readonly from: string;
}
