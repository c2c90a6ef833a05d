import { AppError } from '../../lib/app-error.js';

/** Proxies by URL scheme; `resolveProxies` takes missing values from the environment. */
export interface ProxySettings {
  /** Proxy for `http:` addresses; undefined means that of the environment, an empty text means no proxy. */
  readonly http?: string | undefined;
  /** The same for `https:` addresses; these never use the proxy for `http:`. */
  readonly https?: string | undefined;
  /** Hosts, separated by commas, that are reached without a proxy; `*` matches any text. */
  readonly none?: string | undefined;
}

/** Resolved proxies: URLs, or an empty text for no proxy. */
export type Proxies = Readonly<Record<keyof ProxySettings, string>>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Finds an environment variable in lower or upper case; returns its value and the spelling. */
export const findProxyVariable = (env: Environment, variable: string): { value: string; name: string } => {
  const name = [variable, variable.toUpperCase()].find((spelling) => env[spelling] !== undefined);
  return { value: env[name ?? ''] ?? '', name: name ?? variable };
};

/** Parses the URL or `HOST:PORT` of a proxy; returns an empty text for an empty text, undefined if it is invalid. */
export const parseProxyUrl = (text: string): string | undefined => {
  if (text === '') return '';
  const address = text.includes('://') ? text : `http://${text}`;
  return URL.canParse(address) && /^https?:$/.test(new URL(address).protocol) ? address : undefined;
};

/** Like `parseProxyUrl`, but throws an AppError that names `source`. It quotes no text: that may hold a password. */
export const requireProxyUrl = (text: string, source: string): string => {
  const address = parseProxyUrl(text);
  if (address !== undefined) return address;
  throw new AppError(
    'bad_proxy',
    `${source} is not the address of a proxy; it should look like http://proxy.example.com:3128`,
  );
};

/**
 * Completes settings from the environment (`http_proxy`, `HTTPS_PROXY`, `no_proxy` and so on). Throws an AppError that
 * names the setting or variable if an address is invalid.
 */
export const resolveProxies = (settings: ProxySettings, env: Environment): Proxies => {
  const resolve = (setting: string | undefined, variable: string): string => {
    if (setting !== undefined) return requireProxyUrl(setting, variable);
    const { value, name } = findProxyVariable(env, variable);
    return requireProxyUrl(value, `${name} of the environment`);
  };
  return {
    http: resolve(settings.http, 'http_proxy'),
    https: resolve(settings.https, 'https_proxy'),
    none: settings.none ?? findProxyVariable(env, 'no_proxy').value,
  };
};

/** The URL of the proxy for this origin; undefined if it is reached directly. */
export const proxyFor = (origin: URL, { http, https, none }: Proxies): string | undefined => {
  const proxy = origin.protocol === 'https:' ? https : http;
  return proxy === '' || bypassesProxy(origin, none) ? undefined : proxy;
};

/**
 * `example.com`, `.example.com` and `*.example.com` all match this host and its subdomains; a `*` elsewhere matches any
 * text, as in `10.*`. A port can follow.
 */
const bypassesProxy = ({ hostname, port, protocol }: URL, none: string): boolean => {
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
