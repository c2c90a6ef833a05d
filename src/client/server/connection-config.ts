import type { KeyObject } from 'node:crypto';
import { err, ok, type Result } from '../../shared/lib/result.js';
import { parsePublicKey } from '../../shared/protocol/chef-signature/verify-request.js';
import {
  CAPABILITY,
  type ConfigDocument,
  configDocumentSchema,
} from '../../shared/protocol/config-document.js';
import { decryptSessionKey } from '../../shared/protocol/session-key.js';
import { decodeZ85 } from '../../shared/protocol/z85.js';
import { parseJson } from '../../shared/lib/json.js';

/** The validated content of the server's config document. */
export interface ServerConfig {
  readonly commandAddress: string;
  readonly heartbeatAddress: string;
  readonly intervalMs: number;
  readonly offlineThreshold: number;
  readonly onlineThreshold: number;
  /** Verifies the signatures of the server's heartbeats. */
  readonly serverKey: KeyObject;
  /** Z85; undefined if the server is 1.x, which does not encrypt. */
  readonly curveServerKey: string | undefined;
  readonly sessionKey: Buffer;
  readonly lifetimeMs: number;
  readonly maxSkewS: number;
  /** Maximum body size that the server accepts, in bytes; undefined if the server sets no limit. */
  readonly maxBodySize: number | undefined;
  readonly serverIncarnation: string;
  /** Whether the server answers pings of ZeroMQ. */
  readonly supportsPings: boolean;
  /** Whether the server accepts output while a command runs. */
  readonly supportsLiveOutput: boolean;
  /** Whether the server confirms results that it has stored. */
  readonly supportsResultAck: boolean;
}

/** Everything that a connection to the server needs. */
export interface ConnectionConfig extends ServerConfig {
  /** Whether one of the addresses is reachable only over IPv6. */
  readonly ipv6: boolean;
}

/** Maximum clock difference if the config document names none. */
const DEFAULT_SKEW_S = 300;

/** Maximum heartbeat interval: one day. */
const MAX_INTERVAL_MS = 86_400_000;

const CURVE_KEY_BYTES = 32;

/** An address that ZeroMQ can connect to: host name or address (IPv6 in brackets) and port. Names must be ASCII. */
const TCP_ADDRESS = /^tcp:\/\/(?:\[[\da-f:.]+\]|\w[\w.-]*):(\d{1,5})$/i;

/**
 * Parses and validates a config document; the error says what is invalid.
 * See docs/spec/wire-protocol.md, "What the client verifies".
 */
export const parseConfigDocument = (body: Buffer, clientKey: KeyObject): Result<ServerConfig, string> => {
  const json = parseJson(body.toString('utf8'));
  if (!json.ok) return err('the response is not JSON');
  const parsed = configDocumentSchema.safeParse(json.value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return err(
      `the response is not a push jobs config: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    );
  }
  const document = parsed.data;
  const fault = findConfigFault(document);
  if (fault !== undefined) return err(fault);
  const serverKey = parsePublicKey(document.public_key);
  if (serverKey === undefined) return err('public_key is not an RSA key');
  const sessionKey = decryptSessionKey(clientKey, document.encoded_session_key.key);
  if (sessionKey === undefined) {
    return err(
      'the session key is not encrypted with our client key; check whether the server has an old key of this node',
    );
  }
  const { heartbeat } = document.push_jobs;
  return ok({
    commandAddress: heartbeat.command_addr,
    heartbeatAddress: heartbeat.out_addr,
    intervalMs: intervalOf(heartbeat),
    offlineThreshold: heartbeat.offline_threshold,
    onlineThreshold: heartbeat.online_threshold,
    serverKey,
    curveServerKey: document.curve_public_key,
    sessionKey,
    lifetimeMs: document.lifetime * 1000,
    maxSkewS: document.max_message_skew ?? DEFAULT_SKEW_S,
    maxBodySize: document.max_body_size,
    serverIncarnation: document.incarnation_id,
    supportsPings: document.capabilities?.includes(CAPABILITY.ping) ?? false,
    supportsResultAck: document.capabilities?.includes(CAPABILITY.resultAck) ?? false,
    supportsLiveOutput: document.capabilities?.includes(CAPABILITY.liveOutput) ?? false,
  });
};

type Heartbeat = ConfigDocument['push_jobs']['heartbeat'];

/** ZeroMQ accepts whole milliseconds only. */
const intervalOf = ({ interval }: Heartbeat): number => Math.max(1, Math.round(interval * 1000));

/** Returns why no channel can be opened with a config document; undefined if it is valid. */
const findConfigFault = ({
  push_jobs: { heartbeat },
  curve_public_key: curveKey,
}: ConfigDocument): string | undefined => {
  for (const name of ['command_addr', 'out_addr'] as const) {
    const port = Number(TCP_ADDRESS.exec(heartbeat[name])?.[1] ?? 0);
    if (port < 1 || port > 65_535) {
      return `${name} is '${heartbeat[name]}'; it must be an address like tcp://push.example.com:10002`;
    }
  }
  if (intervalOf(heartbeat) > MAX_INTERVAL_MS) {
    return `the interval between heartbeats is ${heartbeat.interval} s, which is more than a day`;
  }
  if (curveKey !== undefined && decodeZ85(curveKey)?.length !== CURVE_KEY_BYTES) {
    return 'curve_public_key is not a Curve key (40 characters of Z85)';
  }
  return undefined;
};
