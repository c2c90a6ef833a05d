import sodium from 'libsodium-wrappers';
import { CURVE_KEY_BYTES } from './curve-key.js';

/** Length of the greeting that each side of a ZMTP 3.x connection sends first (ZeroMQ RFC 23). */
export const GREETING_BYTES = 64;

const SIGNATURE_START = 0xff;
/** The lowest bit of the signature's last byte is set in ZMTP 2.0 and later. */
const SIGNATURE_END = 0x7f;
const SIGNATURE_LAST = 9;
const MAJOR_AT = 10;
const MIN_MAJOR = 3;
const MECHANISM = { from: 12, to: 32 } as const;
const AS_SERVER_AT = 32;
const CURVE = Buffer.from('CURVE'.padEnd(MECHANISM.to - MECHANISM.from, '\0'), 'latin1');

/** Start of the frame with a client's HELLO command (ZeroMQ RFC 26): flags, length, name, version 1.0. */
const HELLO_START = Buffer.from([0x04, 200, 5, ...Buffer.from('HELLO', 'latin1'), 1, 0]);
const PADDING_BYTES = 72;
const SHORT_NONCE_BYTES = 8;
const BOX_BYTES = 80;
const CLIENT_KEY_AT = GREETING_BYTES + HELLO_START.length + PADDING_BYTES;
const NONCE_AT = CLIENT_KEY_AT + CURVE_KEY_BYTES;
const BOX_AT = NONCE_AT + SHORT_NONCE_BYTES;
const NONCE_PREFIX = Buffer.from('CurveZMQHELLO---', 'latin1');

/** Length of everything that a client sends before the server answers: greeting and HELLO. */
export const OPENING_BYTES = BOX_AT + BOX_BYTES;

/** The greeting of a server that accepts Curve only, identical to that of libzmq 4.3. */
export const serverGreeting = (): Buffer => {
  const greeting = Buffer.alloc(GREETING_BYTES);
  greeting[0] = SIGNATURE_START;
  greeting[SIGNATURE_LAST - 1] = 1; // ZMTP 1.0 reads a length here
  greeting[SIGNATURE_LAST] = SIGNATURE_END;
  greeting[MAJOR_AT] = MIN_MAJOR;
  greeting[MAJOR_AT + 1] = 1;
  CURVE.copy(greeting, MECHANISM.from);
  return greeting; // libzmq, too, leaves as-server at 0
};

/** A client's HELLO. Only the owner of the secret key that it is meant for can open its box. */
export interface CurveHello {
  /** 32 bytes, generated for this connection. */
  readonly clientKey: Uint8Array;
  readonly nonce: Uint8Array;
  readonly box: Uint8Array;
}

/**
 * Parses what a client has sent so far. Returns its HELLO, `unfinished` if bytes are missing, or `foreign` if this cannot
 * become the opening of a ZMTP 3.x client with Curve.
 */
export const parseCurveOpening = (bytes: Buffer): CurveHello | 'unfinished' | 'foreign' => {
  if (!isCurveGreeting(bytes) || bytes.length > OPENING_BYTES) return 'foreign';
  const hello = bytes.subarray(GREETING_BYTES);
  const known = Math.min(hello.length, HELLO_START.length);
  if (!hello.subarray(0, known).equals(HELLO_START.subarray(0, known))) return 'foreign';
  if (bytes.length < OPENING_BYTES) return 'unfinished';
  return {
    clientKey: bytes.subarray(CLIENT_KEY_AT, NONCE_AT),
    nonce: Buffer.concat([NONCE_PREFIX, bytes.subarray(NONCE_AT, BOX_AT)]),
    box: bytes.subarray(BOX_AT),
  };
};

/** Whether the bytes so far can be the greeting of a Curve client. */
const isCurveGreeting = (bytes: Buffer): boolean => {
  const [first = SIGNATURE_START] = bytes;
  const { [SIGNATURE_LAST]: last = SIGNATURE_END, [MAJOR_AT]: major = MIN_MAJOR } = bytes;
  const mechanism = bytes.subarray(MECHANISM.from, MECHANISM.to);
  return (
    first === SIGNATURE_START &&
    (last & 1) === 1 &&
    major >= MIN_MAJOR &&
    mechanism.equals(CURVE.subarray(0, mechanism.length)) &&
    (bytes[AS_SERVER_AT] ?? 0) === 0
  );
};

/** Whether a HELLO is meant for the owner of a secret key (32 raw bytes). */
export type HelloOpener = (hello: CurveHello, secretKey: Uint8Array) => boolean;

/** Loads libsodium and returns the function that opens HELLOs. */
export const loadHelloOpener = async (): Promise<HelloOpener> => {
  await sodium.ready;
  return ({ clientKey, nonce, box }, secretKey) => {
    try {
      return sodium.crypto_box_open_easy(box, nonce, clientKey, secretKey).length > 0;
    } catch {
      return false; // libsodium throws if the box is for another key or the client's key is invalid
    }
  };
};
