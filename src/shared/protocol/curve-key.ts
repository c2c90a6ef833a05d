import sodium from 'libsodium-wrappers';
import { decodeZ85, encodeZ85 } from './z85.js';

/** A Curve25519 key pair for CurveZMQ, both keys in Z85 (40 characters each). */
export interface CurveKeyPair {
  readonly publicKey: string;
  readonly secretKey: string;
}

/** Length of a raw Curve25519 key. */
export const CURVE_KEY_BYTES = 32;

/** Generates a key pair with libsodium. */
export const generateCurveKeyPair = async (): Promise<CurveKeyPair> => {
  await sodium.ready;
  const { publicKey, privateKey } = sodium.crypto_box_keypair();
  return { publicKey: encodeZ85(publicKey), secretKey: encodeZ85(privateKey) };
};

/** Returns the public key for a secret key in Z85; undefined if that is not a key. */
export const curvePublicKeyOf = async (secretKey: string): Promise<string | undefined> => {
  const raw = decodeCurveKey(secretKey);
  if (raw === undefined) return undefined;
  await sodium.ready;
  return encodeZ85(sodium.crypto_scalarmult_base(raw));
};

/** Returns the 32 raw bytes of a key in Z85; undefined if the text is not a key. */
export const decodeCurveKey = (z85: string): Buffer | undefined => {
  const raw = decodeZ85(z85);
  return raw?.length === CURVE_KEY_BYTES ? raw : undefined;
};
