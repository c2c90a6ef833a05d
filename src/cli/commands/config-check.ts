import { createPrivateKey } from 'node:crypto';
import type { ChooseCommand, CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { printable } from '../output/printable.js';
import { plural } from '../output/render-job.js';
import { formatTable } from '../output/table.js';

/** Declares `config check`. */
export const addConfigCheck = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'check',
    'Show the connection settings and where they come from, and test them',
    (builder) => builder,
    (options) => choose(options, checkConfig),
  );

/** The document of `config check`; contains no key and no password. */
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
    key_bits: keyBits(options.key),
    trusted_certificates: connection.trustedFrom,
    verifies_tls: options.verifyTls !== false,
    proxies: {
      http: hidePassword(proxy.http),
      https: hidePassword(proxy.https),
      except: proxy.none ?? '',
    },
    answer: listed.ok ? { ok: true, nodes_online: listed.value.length } : { ok: false },
  };
  context.writeResult(findings, () => renderFindings(findings));
  if (!listed.ok) throw listed.error;
  return EXIT.ok;
};

const renderFindings = (findings: Findings): string[] => {
  const { proxies, answer } = findings;
  const proxyUrls = [proxies.http, proxies.https].filter((proxy) => proxy !== '');
  const facts: readonly (readonly [string, string])[] = [
    ['Searched:', findings.looked_at.join(', ')],
    ['Server:', findings.server],
    ['User:', findings.user],
    ['Used:', findings.used],
    ['Key:', `RSA, ${findings.key_bits ?? 0} bits`],
    ['TLS:', findings.verifies_tls ? 'the certificate is verified' : 'NOT verified (ssl_verify_mode)'],
    ['Extra certificates:', findings.trusted_certificates.join(', ') || 'none'],
    ['Proxies:', proxyUrls.length === 0 ? 'none' : `${proxyUrls.join(', ')}, except for: ${proxies.except}`],
    ['Response:', answer.ok ? `OK, ${plural(answer.nodes_online)} online` : 'error'],
  ];
  return formatTable(facts.map(([name, value]) => [name, printable(value)]));
};

const keyBits = (key: CommandContext['connection']['client']['key']): number | undefined =>
  (typeof key === 'string' ? createPrivateKey(key) : key).asymmetricKeyDetails?.modulusLength;

/** Replaces the password in the URL of a proxy. */
const hidePassword = (proxy: string | undefined): string => {
  if (proxy === undefined || !URL.canParse(proxy)) return proxy ?? '';
  const url = new URL(proxy);
  return url.password === '' ? proxy : `${url.protocol}//${url.username}:***@${url.host}`;
};
