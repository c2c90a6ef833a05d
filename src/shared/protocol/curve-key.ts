import sodium from 'libsodium-wrappers';
import { decodeZ85, encodeZ85 } from './z85.js';

/** A Curve25519 key pair for CurveZMQ, both halves in Z85 (40 characters each). */
export interface CurveKeyPair {
  readonly publicKey: string;
  readonly secretKey: string;
}

/** Length of a Curve25519 key in its raw form. */
export const CURVE_KEY_BYTES = 32;

/** Makes a new key pair with libsodium. */
export const generateCurveKeyPair = async (): Promise<CurveKeyPair> => {
  await sodium.ready;
  const { publicKey, privateKey } = sodium.crypto_box_keypair();
  return { publicKey: encodeZ85(publicKey), secretKey: encodeZ85(privateKey) };
};

/** The public half that belongs to a secret key in Z85; undefined where that is not a key. */
export const curvePublicKeyOf = async (secretKey: string): Promise<string | undefined> => {
  const raw = decodeCurveKey(secretKey);
  if (raw === undefined) return undefined;
  await sodium.ready;
  return encodeZ85(sodium.crypto_scalarmult_base(raw));
};

/** The 32 raw bytes of a key in Z85; undefined where the text is not one. */
export const decodeCurveKey = (z85: string): Buffer | undefined => {
  const raw = decodeZ85(z85);
  return raw?.length === CURVE_KEY_BYTES ? raw : undefined;
};
