import type { KeyObject } from 'node:crypto';
import { err, ok, type Result } from '../../shared/lib/result.js';
import { CONFIG_QUERY } from '../../shared/protocol/config-document.js';
import { explainRedirect } from '../../shared/platform/http/http-exchange.js';
import { needsIpv6 } from '../../shared/platform/zmq/tcp-address.js';
import { errorSchema } from '../../shared/protocol/rest-schemas.js';
import type { ServerHttp } from './server-http.js';
import { parseConfigDocument, type ConnectionConfig } from './connection-config.js';
import { jsonOrUndefined } from '../../shared/lib/json.js';

/** Which config to fetch. */
export interface ConfigRequest {
  /** Ends in `/organizations/ORG`. */
  readonly serverUrl: string;
  readonly nodeName: string;
  /** The client's public Curve key (Z85), with which it will connect. */
  readonly curvePublicKey: string;
  /** Whether a server without encryption is accepted. */
  readonly allowUnencrypted: boolean;
  readonly signal: AbortSignal;
}

/**
 * Why the config could not be fetched. `rejected`: the server rejects the request, or its config is invalid; an
 * administrator must act. `unencrypted`: the server is 1.x and `allow_unencrypted` is not set. `temporary`: a later
 * attempt may succeed.
 */
export interface ConfigFetchFailure {
  readonly kind: 'rejected' | 'unencrypted' | 'temporary';
  readonly reason: string;
}

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 64 * 1024;

/** The most frequent cause and remedy for a response status. */
const REMEDIES: Readonly<Record<number, string>> = {
  400: 'the server considers the request invalid: check node_name',
  401: 'the server does not accept the signature: check that node_name and client_key belong together, that the client exists in the organization, and that the clock of this machine is right',
  403: 'this client may not have the config of this node: node_name must be the name of the client that signs, and this client must belong to the organization',
  404: 'the server does not know this address: check the organization in chef_server_url, and that push jobs is installed on that Chef Server',
};

const UNENCRYPTED =
  'the push jobs server is version 1.x, which does not encrypt; upgrade it, or set allow_unencrypted true to connect ' +
  'without encryption';

/** Fetches this node's config document. See docs/spec/wire-protocol.md, "2. Config document". */
export const fetchConfig = async (
  http: ServerHttp,
  clientKey: KeyObject,
  request: ConfigRequest,
): Promise<Result<ConnectionConfig, ConfigFetchFailure>> => {
  const path = `pushy/config/${encodeURIComponent(request.nodeName)}`;
  const query = `${CONFIG_QUERY.curveKey}=${encodeURIComponent(request.curvePublicKey)}&${CONFIG_QUERY.version}=2.0`;
  const url = `${request.serverUrl}/${path}?${query}`;
  const response = await http.send({
    method: 'GET',
    url,
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_BYTES,
    signal: request.signal,
  });
  if (!response.ok) return err({ kind: 'temporary', reason: http.explain(response.error) });
  const { status, body } = response.value;
  if (status !== 200) {
    const remedy = explainRedirect(response.value, url, request.serverUrl) ?? REMEDIES[status];
    const reason = `${request.serverUrl}/${path} answered ${status}${shortErrorText(body)}`;
    return remedy === undefined
      ? err({ kind: 'temporary', reason })
      : err({ kind: 'rejected', reason: `${reason}; ${remedy}` });
  }
  const config = parseConfigDocument(body, clientKey);
  if (!config.ok) return err({ kind: 'rejected', reason: `${request.serverUrl}/${path}: ${config.error}` });
  if (config.value.curveServerKey === undefined && !request.allowUnencrypted)
    return err({ kind: 'unencrypted', reason: UNENCRYPTED });
  const { commandAddress, heartbeatAddress } = config.value;
  const needIpv6 = await Promise.all([commandAddress, heartbeatAddress].map((address) => needsIpv6(address)));
  return ok({ ...config.value, ipv6: needIpv6.includes(true) });
};

/** Returns the error text of a response body, shortened and in brackets; empty if the body has none. */
const shortErrorText = (body: Buffer): string => {
  const parsed = errorSchema.safeParse(jsonOrUndefined(body.toString('utf8'))); // a proxy's page is not JSON
  return parsed.success ? ` (${[parsed.data.error].flat().join(', ').slice(0, 300)})` : '';
};
