import type { KeyObject } from 'node:crypto';
import { err, ok, type Result } from '../../shared/lib/result.js';
import { CONFIG_QUERY } from '../../shared/protocol/config-document.js';
import { explainRedirect } from '../../shared/platform/http/explain-redirect.js';
import { needsIpv6 } from '../../shared/platform/zmq/tcp-address.js';
import { errorSchema } from '../../shared/protocol/rest-schemas.js';
import type { ServerHttp } from './server-http.js';
import { readSessionConfig, type SessionConfig } from './session-config.js';

/** Whose config is asked for. */
export interface ConfigRequest {
  /** Ends in `/organizations/ORG`. */
  readonly serverUrl: string;
  readonly nodeName: string;
  /** Z85: the key by which we will connect. */
  readonly curvePublicKey: string;
  /** Whether a server that does not encrypt will do. */
  readonly allowUnencrypted: boolean;
  readonly signal: AbortSignal;
}

/**
 * Why there is no config. `refused`: the server answered and will not give it, which somebody must mend, here or
 * there. `unencrypted`: the server is a 1.x, which we may not talk to. `away`: it may come by itself.
 */
export interface ConfigFault {
  readonly kind: 'refused' | 'unencrypted' | 'away';
  readonly reason: string;
}

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 64 * 1024;

/** What most often is the matter, by the status of a refusal. */
const REMEDIES: Readonly<Record<number, string>> = {
  400: 'the server does not like the request: check node_name',
  401: 'the signature was not accepted: check that node_name and client_key belong together, that the client exists in the organization, and the clock of this machine',
  403: 'this client may not have the config of this node: node_name must be the name of the client that signs, and a client of the organization',
  404: 'no such thing there: check the organization in chef_server_url, and that push jobs is installed on that Chef Server',
};

const UNENCRYPTED =
  'the push jobs server is a 1.x, which does not encrypt what it sends; upgrade it, or set allow_unencrypted true to ' +
  'talk to it in the clear';

/** Asks the server for this node's config (wire protocol, section 2). */
export const fetchConfig = async (
  http: ServerHttp,
  clientKey: KeyObject,
  request: ConfigRequest,
): Promise<Result<SessionConfig, ConfigFault>> => {
  const path = `pushy/config/${encodeURIComponent(request.nodeName)}`;
  const query = `${CONFIG_QUERY.curveKey}=${encodeURIComponent(request.curvePublicKey)}&${CONFIG_QUERY.version}=2.0`;
  const url = `${request.serverUrl}/${path}?${query}`;
  const answer = await http.send({
    method: 'GET',
    url,
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_BYTES,
    signal: request.signal,
  });
  if (!answer.ok) return err({ kind: 'away', reason: http.explain(answer.error) });
  const { status, body } = answer.value;
  if (status !== 200) {
    const remedy = explainRedirect(answer.value, url, request.serverUrl) ?? REMEDIES[status];
    const reason = `${request.serverUrl}/${path} answered ${status}${errorText(body)}`;
    return remedy === undefined
      ? err({ kind: 'away', reason })
      : err({ kind: 'refused', reason: `${reason}; ${remedy}` });
  }
  const config = readSessionConfig(body, clientKey);
  if (!config.ok) return err({ kind: 'refused', reason: `${request.serverUrl}/${path}: ${config.error}` });
  if (config.value.curveServerKey === undefined && !request.allowUnencrypted)
    return err({ kind: 'unencrypted', reason: UNENCRYPTED });
  const { commandAddress, heartbeatAddress } = config.value;
  const answers = await Promise.all([commandAddress, heartbeatAddress].map((address) => needsIpv6(address)));
  return ok({ ...config.value, ipv6: answers.includes(true) });
};

/** What an error's body says, shortened; empty where it says nothing readable. */
const errorText = (body: Buffer): string => {
  try {
    const parsed = errorSchema.safeParse(JSON.parse(body.toString('utf8')));
    return parsed.success ? ` (${[parsed.data.error].flat().join(', ').slice(0, 300)})` : '';
  } catch {
    return ''; // not JSON: a proxy's page, say
  }
};
