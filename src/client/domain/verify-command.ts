import { err, type Result } from '../../shared/lib/result.js';
import { decodeCommandMessage } from '../../shared/protocol/frame-codec.js';
import { parseHeader } from '../../shared/protocol/frame-header.js';
import { verifyHmac } from '../../shared/protocol/frame-signature.js';
import type { CommandMessage } from '../../shared/protocol/server-message.js';
import { parseRfc1123 } from '../../shared/protocol/wire-time.js';

/** The state and limits that a command is verified against. */
export interface CommandVerification {
  readonly sessionKey: Uint8Array;
  /** Sequence of the last accepted command of this connection; 0 if there is none. */
  readonly lastSequence: number;
  readonly nowMs: number;
  /** Seconds. A command whose timestamp differs from our clock by this or more is dropped. */
  readonly maxSkewS: number;
}

/**
 * Verifies and decodes a message of the command channel; the error says why it is dropped. The signature is verified
 * before the body is parsed. See docs/spec/wire-protocol.md, "Order of verification on the client".
 */
export const verifyCommand = (
  frames: readonly Buffer[],
  { sessionKey, lastSequence, nowMs, maxSkewS }: CommandVerification,
): Result<CommandMessage, string> => {
  const [headerBytes, body] = frames;
  if (frames.length !== 2 || headerBytes === undefined || body === undefined) {
    return err(`${frames.length} frames instead of 2`);
  }
  const header = parseHeader(headerBytes);
  if (!header.ok) return err(header.error);
  if (header.value.method !== 'hmac_sha256') return err(`signing method ${header.value.method}`);
  if (!verifyHmac(sessionKey, body, header.value.signature)) return err('bad_signature');
  const message = decodeCommandMessage(body);
  if (!message.ok) return message;
  const { sequence, timestamp, type } = message.value;
  const skew = findClockSkew(timestamp, nowMs, maxSkewS);
  if (skew !== undefined) return err(skew);
  if (sequence <= lastSequence) {
    return err(`replayed ${type}: its sequence is ${sequence}, the last one was ${lastSequence}`);
  }
  return message;
};

/** Returns why a message's timestamp is not accepted; undefined if it is accepted. */
export const findClockSkew = (timestamp: string, nowMs: number, maxSkewS: number): string | undefined => {
  const sentMs = parseRfc1123(timestamp);
  if (sentMs === undefined) return `timestamp '${timestamp}' is not a date`;
  if (Math.abs(nowMs - sentMs) < maxSkewS * 1000) return undefined;
  return `timestamp '${timestamp}' differs from our clock by ${maxSkewS} s or more; check the clocks of node and server`;
};
