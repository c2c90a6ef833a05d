import {
  constants,
  createHash,
  createHmac,
  type KeyObject,
  privateEncrypt,
  publicDecrypt,
  timingSafeEqual,
} from 'node:crypto';

/** Signs a body with a session key: base64 of HMAC-SHA256. See docs/spec/wire-protocol.md, "Frames". */
export const signHmac = (sessionKey: Uint8Array, body: string | Uint8Array): string =>
  createHmac('sha256', sessionKey).update(body).digest('base64');

/** Whether the base64 signature is the HMAC-SHA256 of the body; compares in constant time. */
export const verifyHmac = (sessionKey: Uint8Array, body: Uint8Array, signature: string): boolean => {
  const claimed = Buffer.from(signature, 'base64');
  const expected = createHmac('sha256', sessionKey).update(body).digest();
  return claimed.length === expected.length && timingSafeEqual(claimed, expected);
};

/** The payload of an `rsa2048_sha1` signature: base64 of the body's SHA-1. */
const rsaPayload = (body: string | Uint8Array): Buffer =>
  Buffer.from(createHash('sha1').update(body).digest('base64'), 'ascii');

/** Signs a body with the server's RSA key (PKCS#1 v1.5 type 1 of base64(SHA1(body))), in base64. */
export const signRsa = (privateKey: KeyObject, body: string | Uint8Array): string =>
  privateEncrypt({ key: privateKey, padding: constants.RSA_PKCS1_PADDING }, rsaPayload(body)).toString(
    'base64',
  );

/** Whether the owner of the RSA key made the base64 signature over this body. */
export const verifyRsa = (publicKey: KeyObject, body: Uint8Array, signature: string): boolean => {
  try {
    const signed = publicDecrypt(
      { key: publicKey, padding: constants.RSA_PKCS1_PADDING },
      Buffer.from(signature, 'base64'),
    );
    const expected = rsaPayload(body);
    return signed.length === expected.length && timingSafeEqual(signed, expected);
  } catch {
    return false; // OpenSSL throws if the signature is of another key
  }
};
