import { messageOf } from '../../src/shared/lib/app-error.js';
import { serverHealthSchema } from '../../src/shared/protocol/rest-schemas.js';
import type { Product } from './settings/resolve-settings.js';

const ONE_ANSWER_MS = 5_000;

/** Any address of this machine will do for itself. */
const OWN_ADDRESSES: Readonly<Record<string, string>> = {
  '0.0.0.0': '127.0.0.1',
  '*': '127.0.0.1',
  '::': '::1',
};

/** The host by which this machine reaches what listens there, as it stands in a URL. */
export const reachableHost = (listen: string): string => {
  const host = OWN_ADDRESSES[listen] ?? listen;
  return host.includes(':') ? `[${host}]` : host;
};

/** Where this machine reaches the server: on itself, or on the backend. */
export const serverAddress = ({ settings, runsService }: Product): { host: string; port: number } => {
  const { listen, api_port, vip } = settings.opscode_pushy_server;
  return { host: reachableHost(runsService ? listen : (vip ?? listen)), port: api_port };
};

const urlOf = (product: Product, path: string): string => {
  const { host, port } = serverAddress(product);
  return `http://${host}:${port}/pushy/${path}`;
};

/** Asks the server once: how it is, or the reason why that cannot be known. */
export const askServer = async (
  product: Product,
): Promise<{ readonly status: Record<string, unknown> } | { readonly reason: string }> => {
  const url = urlOf(product, '_status');
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ONE_ANSWER_MS) });
    if (!answer.ok) return { reason: `${url} answers ${answer.status}` };
    return { status: (await answer.json()) as Record<string, unknown> };
  } catch (thrown) {
    return { reason: messageOf(thrown) };
  }
};

/** What the server says of its own health, in words: `ready`, `not ready: …`, or `unknown: …` where it does not say. */
export const askHealth = async (product: Product): Promise<string> => {
  try {
    const answer = await fetch(urlOf(product, '_health'), {
      signal: AbortSignal.timeout(ONE_ANSWER_MS),
    });
    const { ready, reasons } = serverHealthSchema.parse(await answer.json());
    return ready ? 'ready' : `not ready: ${reasons.join('; ')}`;
  } catch (thrown) {
    const maybe = product.settings.opscode_pushy_server.ha ? '; it may stand by for the active server' : '';
    return `unknown: it does not answer (${messageOf(thrown)}${maybe})`;
  }
};
