import type { KeyObject } from 'node:crypto';
import { err, ok, type Result } from '../../lib/result.js';
import { readPublicKey } from '../../protocol/chef-signature/verify-request.js';
import { CAPABILITY, configDocumentSchema } from '../../protocol/config-document.js';
import { decryptSessionKey } from '../../protocol/session-key.js';

/** What a session with the server is made of, read from the server's config document and checked. */
export interface SessionConfig {
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

/** Servers that do not say how far clocks may differ mean this, in seconds. */
const DEFAULT_SKEW_S = 300;

/** Reads a config document; the error says what is wrong with it. */
export const readSessionConfig = (body: Buffer, clientKey: KeyObject): Result<SessionConfig, string> => {
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
    intervalMs: heartbeat.interval * 1000,
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
