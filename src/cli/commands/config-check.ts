import { createPrivateKey } from 'node:crypto';
import type { ChooseCommand } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { printable } from '../output/printable.js';
import { plural } from '../output/render-job.js';
import { formatTable } from '../output/table.js';

/** Declares `config check`. */
export const addConfigCheck = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'check',
    'Show where server, user and key come from, and try them',
    (builder) => builder,
    (options) => choose(options, checkConfig),
  );

/** What `config check` found; all of it is fit for eyes, there is no key in it. */
interface Findings {
  readonly looked_at: readonly string[];
  readonly server: string;
  readonly user: string;
  readonly used: string;
  readonly key_bits: number | undefined;
  readonly trusted_certificates: readonly string[];
  readonly verifies_tls: boolean;
  readonly proxies: { readonly http: string; readonly https: string; readonly except: string };
  readonly answer: { readonly ok: true; readonly nodes_online: number } | { readonly ok: false };
}

const checkConfig = async (context: CommandContext): Promise<number> => {
  const { client, connection } = context;
  const { proxy = {}, ...options } = connection.client;
  const listed = await client.listNodes();
  const findings: Findings = {
    looked_at: connection.sources,
    server: options.serverUrl,
    user: options.user,
    used: connection.description,
    key_bits: bitsOf(options.key),
    trusted_certificates: connection.trustedFrom,
    verifies_tls: options.verifyTls !== false,
    proxies: {
      http: withoutPassword(proxy.http),
      https: withoutPassword(proxy.https),
      except: proxy.none ?? '',
    },
    answer: listed.ok ? { ok: true, nodes_online: listed.value.length } : { ok: false },
  };
  context.writeResult(findings, () => render(findings));
  if (!listed.ok) throw listed.error;
  return EXIT.ok;
};

const render = (findings: Findings): string[] => {
  const { proxies, answer } = findings;
  const through = [proxies.http, proxies.https].filter((proxy) => proxy !== '');
  const facts: readonly (readonly [string, string])[] = [
    ['Looked at:', findings.looked_at.join(', ')],
    ['Server:', findings.server],
    ['User:', findings.user],
    ['Used:', findings.used],
    ['Key:', `RSA, ${findings.key_bits ?? 0} bits`],
    ['TLS:', findings.verifies_tls ? 'the certificate is verified' : 'NOT verified (ssl_verify_mode)'],
    ['Trusted too:', findings.trusted_certificates.join(', ') || 'nobody but the well-known authorities'],
    ['Proxies:', through.length === 0 ? 'none' : `${through.join(', ')}, except for: ${proxies.except}`],
    ['Answer:', answer.ok ? `good: ${plural(answer.nodes_online)} online` : 'an error'],
  ];
  return formatTable(facts.map(([name, value]) => [name, printable(value)]));
};

const bitsOf = (key: CommandContext['connection']['client']['key']): number | undefined =>
  (typeof key === 'string' ? createPrivateKey(key) : key).asymmetricKeyDetails?.modulusLength;

/** A proxy's address may hold a password, which nobody else should see. */
const withoutPassword = (proxy: string | undefined): string => {
  if (proxy === undefined || !URL.canParse(proxy)) return proxy ?? '';
  const url = new URL(proxy);
  return url.password === '' ? proxy : `${url.protocol}//${url.username}:***@${url.host}`;
};
