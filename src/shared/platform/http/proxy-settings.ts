import { AppError } from '../../lib/app-error.js';

/** The proxies to go through, by the scheme of what is asked for; `resolveProxies` completes them. */
export interface ProxySettings {
  /** Of the proxy for `http:` addresses; undefined means the environment's, an empty text none. */
  readonly http?: string | undefined;
  /** The same for `https:` addresses, which never go through the one for `http:`. */
  readonly https?: string | undefined;
  /** Hosts, parted by commas, that are reached without one; `*` stands for any text. */
  readonly none?: string | undefined;
}

/** Proxies that are settled: URLs, or an empty text for none. */
export type Proxies = Readonly<Record<keyof ProxySettings, string>>;

type Environment = Readonly<Record<string, string | undefined>>;

/** A setting of the environment, which may be spelled in small or capital letters, and how it is. */
export const findProxyVariable = (env: Environment, variable: string): { value: string; name: string } => {
  const name = [variable, variable.toUpperCase()].find((spelling) => env[spelling] !== undefined);
  return { value: env[name ?? ''] ?? '', name: name ?? variable };
};

/** The URL of a proxy, which many write as `HOST:PORT`; empty where that is empty, undefined where it is no address. */
export const readProxyAddress = (text: string): string | undefined => {
  if (text === '') return '';
  const address = text.includes('://') ? text : `http://${text}`;
  return URL.canParse(address) && /^https?:$/.test(new URL(address).protocol) ? address : undefined;
};

/** As `readProxyAddress`; throws an AppError that says where it is `from`, and quotes nothing: it may hold a password. */
export const proxyAddress = (text: string, from: string): string => {
  const address = readProxyAddress(text);
  if (address !== undefined) return address;
  throw new AppError(
    'bad_proxy',
    `${from} is not the address of a proxy; it should look like http://proxy.example.com:3128`,
  );
};

/**
 * Takes what is not set from the environment (`http_proxy`, `HTTPS_PROXY`, `no_proxy` and so on). Throws an AppError that
 * names the setting or variable where it is no address.
 */
export const resolveProxies = (settings: ProxySettings, env: Environment): Proxies => {
  const resolve = (given: string | undefined, variable: string): string => {
    if (given !== undefined) return proxyAddress(given, variable);
    const { value, name } = findProxyVariable(env, variable);
    return proxyAddress(value, `${name} of the environment`);
  };
  return {
    http: resolve(settings.http, 'http_proxy'),
    https: resolve(settings.https, 'https_proxy'),
    none: settings.none ?? findProxyVariable(env, 'no_proxy').value,
  };
};

/** The URL of the proxy by which this origin is reached; undefined where that is done without one. */
export const proxyFor = (origin: URL, { http, https, none }: Proxies): string | undefined => {
  const proxy = origin.protocol === 'https:' ? https : http;
  return proxy === '' || isExcepted(origin, none) ? undefined : proxy;
};

/**
 * `example.com`, `.example.com` and `*.example.com` all mean this host and those below it; a `*` elsewhere is any text,
 * as in `10.*`. A port may follow.
 */
const isExcepted = ({ hostname, port, protocol }: URL, none: string): boolean => {
  const ownPort = port || (protocol === 'https:' ? '443' : '80');
  return none.split(/[,\s]+/).some((entry) => {
    const [, host, wantedPort] = /^([^:]+|\[.*\])(?::(\d+))?$/.exec(entry) ?? [undefined, `[${entry}]`]; // bare IPv6
    if (entry === '') return false;
    return (wantedPort === undefined || wantedPort === ownPort) && matchesHost(host, hostname);
  });
};

const matchesHost = (entry: string, hostname: string): boolean => {
  const name = entry.toLowerCase().replace(/^\*?\./, '');
  if (!name.includes('*')) return hostname === name || hostname.endsWith(`.${name}`);
  const literals = name.split('*').map((literal) => literal.replace(/[^\w-]/g, String.raw`\$&`));
  return new RegExp(`^${literals.join('.*')}$`).test(hostname);
};
