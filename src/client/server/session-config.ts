import type { KeyObject } from 'node:crypto';
import { err, ok, type Result } from '../../shared/lib/result.js';
import { readPublicKey } from '../../shared/protocol/chef-signature/verify-request.js';
import {
  CAPABILITY,
  type ConfigDocument,
  configDocumentSchema,
} from '../../shared/protocol/config-document.js';
import { decryptSessionKey } from '../../shared/protocol/session-key.js';
import { decodeZ85 } from '../../shared/protocol/z85.js';

/** What the server's config document says, checked. */
export interface ServerConfig {
  readonly commandAddress: string;
  readonly heartbeatAddress: string;
  readonly intervalMs: number;
  readonly offlineThreshold: number;
  readonly onlineThreshold: number;
  /** Verifies the server's heartbeats. */
  readonly serverKey: KeyObject;
  /** Z85; undefined for a 1.x server, which does not encrypt. */
  readonly curveServerKey: string | undefined;
  readonly sessionKey: Buffer;
  readonly lifetimeMs: number;
  readonly maxSkewS: number;
  /** Longest body that the server takes, in bytes, where it says so. */
  readonly maxBodySize: number | undefined;
  readonly serverIncarnation: string;
  /** Whether the server answers ZeroMQ's pings. */
  readonly answersPings: boolean;
  /** Whether the server takes output while a command runs. */
  readonly takesLiveOutput: boolean;
}

/** What a session with the server is made of. */
export interface SessionConfig extends ServerConfig {
  /** Whether one of the addresses can be reached by IPv6 alone. */
  readonly ipv6: boolean;
}

/** Servers that do not say how far clocks may differ mean this, in seconds. */
const DEFAULT_SKEW_S = 300;

/** As long as an interval between heartbeats may be at the most, in milliseconds: a day. */
const MAX_INTERVAL_MS = 86_400_000;

const CURVE_KEY_BYTES = 32;

/** What ZeroMQ can connect to: a host's name or address, IPv6 in brackets, and a port. Of names it takes ASCII alone. */
const TCP_ADDRESS = /^tcp:\/\/(?:\[[\da-f:.]+\]|\w[\w.-]*):(\d{1,5})$/i;

/** Reads a config document; the error says what is wrong with it. */
export const readSessionConfig = (body: Buffer, clientKey: KeyObject): Result<ServerConfig, string> => {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return err('the answer is not JSON');
  }
  const parsed = configDocumentSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return err(
      `the answer is not a push jobs config: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    );
  }
  const document = parsed.data;
  const fault = channelFault(document);
  if (fault !== undefined) return err(fault);
  const serverKey = readPublicKey(document.public_key);
  if (serverKey === undefined) return err('public_key is not an RSA key');
  const sessionKey = decryptSessionKey(clientKey, document.encoded_session_key.key);
  if (sessionKey === undefined) {
    return err(
      'the session key is not encrypted to our client key; does the server know an old key of this node?',
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
    answersPings: document.capabilities?.includes(CAPABILITY.ping) ?? false,
    takesLiveOutput: document.capabilities?.includes(CAPABILITY.liveOutput) ?? false,
  });
};

type Heartbeat = ConfigDocument['push_jobs']['heartbeat'];

/** ZeroMQ takes whole milliseconds alone. */
const intervalOf = ({ interval }: Heartbeat): number => Math.max(1, Math.round(interval * 1000));

/** Why no channel can be opened by what a document says; undefined where that is well. */
const channelFault = ({
  push_jobs: { heartbeat },
  curve_public_key: curveKey,
}: ConfigDocument): string | undefined => {
  for (const name of ['command_addr', 'out_addr'] as const) {
    const port = Number(TCP_ADDRESS.exec(heartbeat[name])?.[1] ?? 0);
    if (port < 1 || port > 65_535) {
      return `${name} is '${heartbeat[name]}', which is no address like tcp://push.example.com:10002`;
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
