import { err, ok, type Result } from '../../shared/lib/result.js';
import { decodeServerHeartbeat } from '../../shared/protocol/frame-codec.js';
import { parseHeader } from '../../shared/protocol/frame-header.js';
import { verifyRsa } from '../../shared/protocol/frame-signature.js';
import type { ServerHeartbeat } from '../../shared/protocol/server-message.js';
import { findClockSkew } from './verify-command.js';

/** The key and limit that a server heartbeat is verified against. */
export interface HeartbeatVerification {
  readonly serverKey: Parameters<typeof verifyRsa>[0];
  /** Seconds. A heartbeat whose timestamp differs from our clock by this or more is dropped. */
  readonly maxSkewS: number;
}

/** Why a heartbeat is dropped. */
export interface HeartbeatFault {
  /** `clock_skew`: our server sent it, but one of the two clocks is wrong. */
  readonly kind: 'not_from_server' | 'clock_skew';
  readonly reason: string;
}

/**
 * Verifies and decodes a message of the heartbeat channel. The signature is verified before the body is parsed.
 * See docs/spec/wire-protocol.md, "Order of verification on the client".
 */
export const verifyServerHeartbeat = (
  [headerBytes, body, ...rest]: readonly Buffer[],
  { serverKey, maxSkewS }: HeartbeatVerification,
  nowMs: number,
): Result<ServerHeartbeat, HeartbeatFault> => {
  const foreign = (reason: string) => err({ kind: 'not_from_server', reason } as const);
  if (headerBytes === undefined || body === undefined || rest.length > 0)
    return foreign('the message does not have 2 frames');
  const header = parseHeader(headerBytes);
  if (!header.ok) return foreign(header.error);
  if (header.value.method !== 'rsa2048_sha1') return foreign(`signing method ${header.value.method}`);
  if (!verifyRsa(serverKey, body, header.value.signature)) {
    return foreign('it is not signed with the key in the config document');
  }
  const heartbeat = decodeServerHeartbeat(body);
  if (!heartbeat.ok) return foreign(heartbeat.error);
  const reason = findClockSkew(heartbeat.value.timestamp, nowMs, maxSkewS);
  return reason === undefined ? ok(heartbeat.value) : err({ kind: 'clock_skew', reason });
};
