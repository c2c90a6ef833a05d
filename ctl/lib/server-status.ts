import { messageOf } from '../../src/shared/lib/app-error.js';
import { serverHealthSchema } from '../../src/shared/protocol/rest-schemas.js';
import type { ResolvedSettings } from './settings/resolve-settings.js';

const REQUEST_TIMEOUT_MS = 5_000;

/** The server listens on all addresses, so use the loopback one. */
const LOOPBACK_ADDRESSES: Readonly<Record<string, string>> = {
  '0.0.0.0': '127.0.0.1',
  '*': '127.0.0.1',
  '::': '::1',
};

/** Returns the URL host at which this machine reaches a listen address. */
export const reachableHost = (listen: string): string => {
  const host = LOOPBACK_ADDRESSES[listen] ?? listen;
  return host.includes(':') ? `[${host}]` : host;
};

/** Returns the address at which this machine reaches the server: its own or the backend's. */
export const serverAddress = ({
  sections,
  runsService,
}: ResolvedSettings): { host: string; port: number } => {
  const { listen, api_port, vip } = sections.opscode_pushy_server;
  return { host: reachableHost(runsService ? listen : (vip ?? listen)), port: api_port };
};

const urlOf = (settings: ResolvedSettings, path: string): string => {
  const { host, port } = serverAddress(settings);
  return `http://${host}:${port}/pushy/${path}`;
};

/** Fetches `_status` once; `reason` says why there is none. */
export const fetchServerStatus = async (
  settings: ResolvedSettings,
): Promise<{ readonly status: Record<string, unknown> } | { readonly reason: string }> => {
  const url = urlOf(settings, '_status');
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    if (!response.ok) return { reason: `${url} answers ${response.status}` };
    return { status: (await response.json()) as Record<string, unknown> };
  } catch (thrown) {
    return { reason: messageOf(thrown) };
  }
};

/** Describes the server's health: `ready`, `not ready: …`, or `unknown: …` if it does not respond. */
export const describeHealth = async (settings: ResolvedSettings): Promise<string> => {
  try {
    const response = await fetch(urlOf(settings, '_health'), {
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const { ready, reasons } = serverHealthSchema.parse(await response.json());
    return ready ? 'ready' : `not ready: ${reasons.join('; ')}`;
  } catch (thrown) {
    const maybe = settings.sections.opscode_pushy_server.ha ? '; it may stand by for the active server' : '';
    return `unknown: it does not respond (${messageOf(thrown)}${maybe})`;
  }
};
