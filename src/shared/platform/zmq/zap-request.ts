import { CURVE_KEY_BYTES } from '../../protocol/curve-key.js';

/** Whether a Curve public key (32 raw bytes) may connect. */
export type KeyPredicate = (key: Buffer) => boolean;

/** The frames of an answer to a ZAP request (ZeroMQ RFC 27). */
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
 * Judges one request to the ZAP handler: frames version, request id, domain, address, identity, mechanism and the
 * credentials, here one frame with the key. Only a Curve key that `accepts` takes, in our domain, gets 200; any other
 * request that can be read gets 400; one that cannot, or that `accepts` fails on, gets 500.
 */
export const answerZapRequest = (
  frames: readonly Buffer[],
  domain: string,
  accepts: KeyPredicate,
): ZapReply => {
  const [version, requestId = Buffer.alloc(0), askedDomain, address, identity, mechanism, key, ...rest] =
    frames;
  const reply = (status: ZapReply[2], text: string): ZapReply => [VERSION, requestId, status, text, '', null];

  if (version?.toString('latin1') !== VERSION) return reply('500', 'only version 1.0 is understood');
  if (
    askedDomain === undefined ||
    address === undefined ||
    identity === undefined ||
    mechanism === undefined
  ) {
    return reply('500', 'the request is cut short');
  }
  if (askedDomain.toString('latin1') !== domain) return reply('400', 'unknown domain');
  if (mechanism.toString('latin1') !== 'CURVE') return reply('400', 'only CURVE is allowed');
  if (key?.length !== CURVE_KEY_BYTES || rest.length > 0) return reply('400', 'not a Curve key');
  try {
    return accepts(key) ? reply('200', 'OK') : reply('400', 'unknown key');
  } catch {
    return reply('500', 'the key could not be looked up'); // refused: a fault must never open the door
  }
};
