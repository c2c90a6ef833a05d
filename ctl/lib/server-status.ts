import { AppError, messageOf } from '../../src/lib/app-error.js';
import { serverHealthSchema } from '../../src/protocol/rest-shapes.js';
import type { CommandContext } from '../command-context.js';
import type { Product } from './settings/load-product.js';

/** A server that takes over a large database may need that long. */
const ANSWERS_WITHIN_MS = 120_000;
const ASK_EVERY_MS = 250;
const ONE_ANSWER_MS = 5_000;

/** One of two servers that does not answer by then waits for the other to end. */
const STANDS_BY_AFTER_MS = 15_000;

/** A server that was started so often without ever answering will not answer. */
const MOST_STARTS = 4;

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

/**
 * Waits until the server answers, and hands back what it does; with `ha`, one that lives and does not answer stands by
 * for another. Throws an AppError that names the log where the server stays silent, or dies again and again.
 */
export const waitForServer = async (product: Product, context: CommandContext): Promise<string> => {
  const { ha } = product.serverConfig;
  const deadline = performance.now() + (ha ? STANDS_BY_AFTER_MS : ANSWERS_WITHIN_MS);
  const supervisor = context.supervisor();
  const processes = new Set<string>();
  for (;;) {
    const answer = await askServer(product);
    if ('status' in answer) return 'it answers';
    const [, pid] = /\(pid (\d+)\)/.exec((await supervisor.status()).text) ?? [];
    if (pid !== undefined) processes.add(pid);
    if (ha && processes.size === 1 && performance.now() > deadline)
      return 'it stands by for the active server';
    const hasDied = processes.size >= MOST_STARTS;
    if (hasDied || performance.now() > deadline) {
      throw new AppError(
        hasDied ? 'server_dies' : 'server_silent',
        `the server ${hasDied ? 'ends as soon as it is started' : 'does not answer'} (${answer.reason}); its log in ` +
          `${product.folders.logs} says why: opscode-push-jobs-server-ctl tail`,
      );
    }
    await context.environment.sleep(ASK_EVERY_MS);
  }
};
