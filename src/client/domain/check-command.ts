import { err, type Result } from '../../shared/lib/result.js';
import { decodeCommandMessage } from '../../shared/protocol/frame-codec.js';
import { parseHeader } from '../../shared/protocol/frame-header.js';
import { verifyHmac } from '../../shared/protocol/frame-signature.js';
import type { CommandMessage } from '../../shared/protocol/server-message.js';
import { parseRfc1123 } from '../../shared/protocol/wire-time.js';

/** What a command is checked against. */
export interface CommandCheck {
  readonly sessionKey: Uint8Array;
  /** Sequence of the last command of this connection that was accepted; 0 at its beginning. */
  readonly lastSequence: number;
  readonly nowMs: number;
  /** Seconds; a command that differs from our clock by this or more is dropped. */
  readonly maxSkewS: number;
}

/** Verifies and reads a message of the command channel; the error says why it is dropped. Signature first. */
export const checkCommand = (
  frames: readonly Buffer[],
  check: CommandCheck,
): Result<CommandMessage, string> => {
  const [headerBytes, body] = frames;
  if (frames.length !== 2 || headerBytes === undefined || body === undefined) {
    return err(`${frames.length} frames in place of 2`);
  }
  const header = parseHeader(headerBytes);
  if (!header.ok) return err(header.error);
  if (header.value.method !== 'hmac_sha256') return err(`signing method ${header.value.method}`);
  if (!verifyHmac(check.sessionKey, body, header.value.signature)) return err('bad_signature');
  const message = decodeCommandMessage(body);
  if (!message.ok) return message;
  const { sequence, timestamp, type } = message.value;
  const fault = skewFault(timestamp, check.nowMs, check.maxSkewS);
  if (fault !== undefined) return err(fault);
  if (sequence <= check.lastSequence) {
    return err(`${type} has sequence ${sequence}, after ${check.lastSequence}: a repetition`);
  }
  return message;
};

/** Why a message's timestamp cannot be accepted; undefined where it can. */
export const skewFault = (timestamp: string, nowMs: number, maxSkewS: number): string | undefined => {
  const sentMs = parseRfc1123(timestamp);
  if (sentMs === undefined) return `timestamp '${timestamp}' is not a date`;
  if (Math.abs(nowMs - sentMs) < maxSkewS * 1000) return undefined;
  return `timestamp '${timestamp}' differs from our clock by ${maxSkewS} s or more; check the clocks of both`;
};
