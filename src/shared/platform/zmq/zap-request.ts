import { CURVE_KEY_BYTES } from '../../protocol/curve-key.js';

/** Returns whether a peer with this Curve public key (32 raw bytes) may connect. */
export type KeyPredicate = (key: Buffer) => boolean;

/** The frames of a ZAP reply (ZeroMQ RFC 27). */
export type ZapReply = readonly [
  version: string,
  requestId: Buffer,
  status: '200' | '400' | '500',
  text: string,
  userId: string,
  metadata: null,
];

const VERSION = '1.0';

/**
 * Answers one ZAP request: frames version, request id, domain, address, identity, mechanism and the key. The status is
 * 200 only for a Curve key in our domain that `accepts` returns true for, 400 for any other valid request, and 500 for an
 * invalid request or if `accepts` throws.
 */
export const answerZapRequest = (
  frames: readonly Buffer[],
  domain: string,
  accepts: KeyPredicate,
): ZapReply => {
  const [version, requestId = Buffer.alloc(0), requestedDomain, address, identity, mechanism, key, ...rest] =
    frames;
  const reply = (status: ZapReply[2], text: string): ZapReply => [VERSION, requestId, status, text, '', null];

  if (version?.toString('latin1') !== VERSION) return reply('500', 'only version 1.0 is understood');
  if (
    requestedDomain === undefined ||
    address === undefined ||
    identity === undefined ||
    mechanism === undefined
  ) {
    return reply('500', 'the request is cut short');
  }
  if (requestedDomain.toString('latin1') !== domain) return reply('400', 'unknown domain');
  if (mechanism.toString('latin1') !== 'CURVE') return reply('400', 'only CURVE is allowed');
  if (key?.length !== CURVE_KEY_BYTES || rest.length > 0) return reply('400', 'not a Curve key');
  try {
    return accepts(key) ? reply('200', 'OK') : reply('400', 'unknown key');
  } catch {
    return reply('500', 'the key could not be looked up'); // an error must not let the peer in
  }
};
