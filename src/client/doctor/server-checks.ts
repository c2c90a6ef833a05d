import type { KeyObject } from 'node:crypto';
import { messageOf } from '../../shared/lib/app-error.js';
import { systemClock } from '../../shared/lib/clock.js';
import type { HttpClient } from '../../shared/platform/http/http-client.js';
import type { CurveKeyPair } from '../../shared/protocol/curve-key.js';
import { fetchConfig } from '../server/config-fetch.js';
import { explainTlsFault, ignoredCertificates, openHttp, ServerHttp } from '../server/server-http.js';
import type { ConnectionConfig } from '../server/connection-config.js';
import type { ClientSettings } from '../settings/client-settings.js';
import { about, type SubjectFinding } from './finding.js';

/** Clock differences at which servers reject requests, and at which the doctor warns. */
const REJECTED_SKEW_S = 300;
const WARNING_SKEW_S = 60;

const TIMEOUT_MS = 10_000;

/** Checks whether the Chef Server responds, and compares its clock with ours. */
export const checkServer = async (settings: ClientSettings): Promise<SubjectFinding[]> => {
  const server = about('Chef Server');
  const { warning } = about('certificate');
  const trust = [
    ...(settings.tls.verify
      ? []
      : [warning('ssl_verify_mode is verify_none: anybody can impersonate the Chef Server')]),
    ...ignoredCertificates(settings.tls).map(warning),
  ];
  let http: HttpClient | undefined;
  try {
    http = openHttp(settings);
    const response = await http.send({ method: 'GET', url: settings.serverUrl, timeoutMs: TIMEOUT_MS });
    if (!response.ok) return [...trust, server.fault(explainTlsFault(response.error.reason, settings.tls))];
    const { date } = response.value.headers;
    return [...trust, server.ok(`${settings.serverUrl} responds`), checkClock([date].flat()[0])];
  } catch (thrown) {
    return [...trust, server.fault(messageOf(thrown))];
  } finally {
    await http?.close();
  }
};

const checkClock = (date: string | undefined): SubjectFinding => {
  const clock = about('clock');
  const serverMs = Date.parse(date ?? '');
  if (Number.isNaN(serverMs))
    return clock.warning('the Chef Server sends no Date header to compare the clock with');
  const aheadS = Math.round((systemClock.now() - serverMs) / 1000);
  const text = `${Math.abs(aheadS)} s ${aheadS < 0 ? 'behind' : 'ahead of'} the Chef Server`;
  if (Math.abs(aheadS) >= REJECTED_SKEW_S)
    return clock.fault(`${text}: the Chef Server rejects our signatures; correct the clock`);
  return Math.abs(aheadS) >= WARNING_SKEW_S ? clock.warning(text) : clock.ok(text);
};

/** Fetches this node's config as the client does, with a Curve key of the doctor. */
export const checkConfigFetch = async (
  settings: ClientSettings,
  node: { readonly name: string; readonly key: KeyObject; readonly curve: CurveKeyPair },
): Promise<{ readonly finding: SubjectFinding; readonly config?: ConnectionConfig }> => {
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
  const text = `the server accepts node ${node.name} with this key; commands come from ${commandAddress}`;
  return { finding: ok(text), config: config.value };
};
