import { constants, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';

/** Length of a session key. */
export const SESSION_KEY_BYTES = 32;

/** Encrypts a session key with a node's RSA public key (PKCS#1 v1.5 type 2), in base64. */
export const encryptSessionKey = (nodeKey: KeyObject, sessionKey: Uint8Array): string =>
  publicEncrypt({ key: nodeKey, padding: constants.RSA_PKCS1_PADDING }, sessionKey).toString('base64');

/**
 * Decrypts a session key with the node's RSA private key; returns undefined if it is not encrypted for this key.
 *
 * The padding is removed here because Node.js 20 rejects PKCS#1 v1.5 decryption, which can be a decryption oracle for
 * senders of ciphertexts. We are not one: the ciphertext comes over verified TLS from the server that the node asked, and
 * the result is never revealed to the sender.
 */
export const decryptSessionKey = (privateKey: KeyObject, encrypted: string): Buffer | undefined => {
  const ciphertext = Buffer.from(encrypted, 'base64');
  const { modulusLength = 0 } = privateKey.asymmetricKeyDetails ?? {};
  if (ciphertext.length !== Math.ceil(modulusLength / 8)) return undefined;
  let padded: Buffer;
  try {
    padded = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, ciphertext);
  } catch {
    return undefined; // larger than the modulus
  }
  if (padded[0] !== 0 || padded[1] !== 2) return undefined;
  const end = padded.indexOf(0, 2);
  if (end < 10) return undefined; // at least 8 bytes of padding
  const key = padded.subarray(end + 1);
  return key.length === SESSION_KEY_BYTES ? key : undefined;
};
