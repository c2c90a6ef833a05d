import {
  findProxyVariable,
  requireProxyUrl,
  type Proxies,
  type ProxySettings,
} from '../../shared/platform/http/proxy-settings.js';
import type { CliEnvironment } from '../cli-environment.js';
import type { ConnectionSettings } from './connection-settings.js';

/**
 * Returns the proxies from the first source that sets them, else from the environment (`http_proxy`, `HTTPS_PROXY`, …);
 * an empty string means no proxy. Throws an AppError that names the source of an invalid address.
 */
export const resolveProxy = (
  sources: readonly ConnectionSettings[],
  { env }: Pick<CliEnvironment, 'env'>,
): Proxies => {
  const find = (name: keyof ProxySettings, variable: string): ProxyValue => {
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
    http: requireProxyUrl(http.value, http.from),
    https: requireProxyUrl(https.value, https.from),
    none: find('none', 'no_proxy').value,
  };
};

interface ProxyValue {
  readonly value: string;
  readonly from: string;
}
