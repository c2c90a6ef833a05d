import { AppError } from '../../lib/app-error.js';
import type { ProxySettings } from '../../platform/http/http-dispatcher.js';
import type { CliEnvironment } from '../cli-environment.js';
import type { ConnectionSettings } from './connection-settings.js';

/**
 * The proxies that the sources name, else those of the environment (`http_proxy`, `HTTPS_PROXY`, …); an empty text
 * stands for none. Throws an AppError that says where one that is no address comes from.
 */
export const resolveProxy = (
  sources: readonly ConnectionSettings[],
  { env }: Pick<CliEnvironment, 'env'>,
): Required<ProxySettings> => {
  const find = (name: keyof ProxySettings, variable: string): Found => {
    for (const { source, proxy } of sources) {
      const value = proxy?.[name];
      if (value !== undefined) return { value, from: `${variable} of ${source}` };
    }
    const spelled = [variable, variable.toUpperCase()].find((spelling) => env[spelling] !== undefined);
    return { value: env[spelled ?? ''] ?? '', from: spelled ?? variable };
  };
  return {
    http: readAddress(find('http', 'http_proxy')),
    https: readAddress(find('https', 'https_proxy')),
    none: find('none', 'no_proxy').value,
  };
};

interface Found {
  readonly value: string;
  readonly from: string;
}

/** Many write a proxy as `HOST:PORT`. The address itself is not quoted in an error: it may hold a password. */
const readAddress = ({ value, from }: Found): string => {
  if (value === '') return '';
  const address = value.includes('://') ? value : `http://${value}`;
  if (URL.canParse(address) && /^https?:$/.test(new URL(address).protocol)) return address;
  throw new AppError(
    'bad_proxy',
    `${from} is not the address of a proxy; it should look like http://proxy.example.com:3128`,
  );
};
