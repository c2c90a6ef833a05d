import type { KeyObject } from 'node:crypto';
import { messageOf } from '../../shared/lib/app-error.js';
import { systemClock } from '../../shared/lib/clock.js';
import type { HttpClient } from '../../shared/platform/http/http-client.js';
import type { CurveKeyPair } from '../../shared/protocol/curve-key.js';
import { fetchConfig } from '../server/config-fetch.js';
import { explainTlsFault } from '../server/explain-tls-fault.js';
import { ignoredCertificates, openHttp, ServerHttp } from '../server/server-http.js';
import type { SessionConfig } from '../server/session-config.js';
import type { ClientSettings } from '../settings/client-settings.js';
import { about, type Finding } from './finding.js';

/** Seconds by which a clock may be wrong before servers refuse its messages, and before that is worth a word. */
const REFUSED_SKEW_S = 300;
const NOTABLE_SKEW_S = 60;

const TIMEOUT_MS = 10_000;

/** Checks whether the Chef Server answers, and what it thinks of our clock. */
export const checkServer = async (settings: ClientSettings): Promise<Finding[]> => {
  const server = about('Chef Server');
  const { warning } = about('certificate');
  const trust = [
    ...(settings.tls.verify
      ? []
      : [warning('ssl_verify_mode is verify_none: anybody can pose as the Chef Server')]),
    ...ignoredCertificates(settings.tls).map(warning),
  ];
  let http: HttpClient | undefined;
  try {
    http = openHttp(settings);
    const answer = await http.send({ method: 'GET', url: settings.serverUrl, timeoutMs: TIMEOUT_MS });
    if (!answer.ok) return [...trust, server.fault(explainTlsFault(answer.error.reason, settings.tls))];
    const { date } = answer.value.headers;
    return [...trust, server.ok(`${settings.serverUrl} answers`), checkClock([date].flat()[0])];
  } catch (thrown) {
    return [...trust, server.fault(messageOf(thrown))];
  } finally {
    await http?.close();
  }
};

const checkClock = (date: string | undefined): Finding => {
  const clock = about('clock');
  const serverMs = Date.parse(date ?? '');
  if (Number.isNaN(serverMs)) return clock.warning('the Chef Server does not say what time it is');
  const aheadS = Math.round((systemClock.now() - serverMs) / 1000);
  const text = `${Math.abs(aheadS)} s ${aheadS < 0 ? 'behind' : 'ahead of'} the Chef Server`;
  if (Math.abs(aheadS) >= REFUSED_SKEW_S)
    return clock.fault(`${text}: it refuses what is signed by it; set it right`);
  return Math.abs(aheadS) >= NOTABLE_SKEW_S ? clock.warning(text) : clock.ok(text);
};

/** Asks for this node's config as the client does, naming a Curve key of our own. */
export const checkConfigFetch = async (
  settings: ClientSettings,
  node: { readonly name: string; readonly key: KeyObject; readonly curve: CurveKeyPair },
): Promise<{ readonly finding: Finding; readonly config?: SessionConfig }> => {
  const { ok, fault } = about('name and key');
  const signer = { userId: node.name, key: node.key, version: settings.signatureVersion };
  const config = await fetchConfig(new ServerHttp(settings, signer, systemClock), node.key, {
    serverUrl: settings.serverUrl,
    nodeName: node.name,
    curvePublicKey: node.curve.publicKey,
    allowUnencrypted: settings.allowUnencrypted,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!config.ok) return { finding: fault(config.error.reason) };
  const { commandAddress } = config.value;
  const text = `the server knows node ${node.name} by this key; commands come from ${commandAddress}`;
  return { finding: ok(text), config: config.value };
};
