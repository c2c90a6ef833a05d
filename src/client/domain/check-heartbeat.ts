import { err, ok, type Result } from '../../shared/lib/result.js';
import { decodeServerHeartbeat } from '../../shared/protocol/frame-codec.js';
import { parseHeader } from '../../shared/protocol/frame-header.js';
import { verifyRsa } from '../../shared/protocol/frame-signature.js';
import type { ServerHeartbeat } from '../../shared/protocol/server-message.js';
import { skewFault } from './check-command.js';

/** What a heartbeat of the server is checked against. */
export interface HeartbeatCheck {
  readonly serverKey: Parameters<typeof verifyRsa>[0];
  /** Seconds; a heartbeat that differs from our clock by this or more is dropped. */
  readonly maxSkewS: number;
}

/** Why a heartbeat is dropped. */
export interface HeartbeatFault {
  /** `clock`: it is the server's own, but one of the two clocks is wrong. */
  readonly kind: 'not of the server' | 'clock';
  readonly reason: string;
}

/** Verifies and reads a message of the heartbeat channel. Signature first. */
export const checkServerHeartbeat = (
  [headerBytes, body, ...rest]: readonly Buffer[],
  { serverKey, maxSkewS }: HeartbeatCheck,
  nowMs: number,
): Result<ServerHeartbeat, HeartbeatFault> => {
  const foreign = (reason: string) => err({ kind: 'not of the server', reason } as const);
  if (headerBytes === undefined || body === undefined || rest.length > 0) return foreign('not 2 frames');
  const header = parseHeader(headerBytes);
  if (!header.ok) return foreign(header.error);
  if (header.value.method !== 'rsa2048_sha1') return foreign(`signing method ${header.value.method}`);
  if (!verifyRsa(serverKey, body, header.value.signature)) {
    return foreign('it is not signed by the key that the server names in its config');
  }
  const beat = decodeServerHeartbeat(body);
  if (!beat.ok) return foreign(beat.error);
  const reason = skewFault(beat.value.timestamp, nowMs, maxSkewS);
  return reason === undefined ? ok(beat.value) : err({ kind: 'clock', reason });
};
