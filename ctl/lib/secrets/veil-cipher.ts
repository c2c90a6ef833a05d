import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { z } from 'zod';

const ALGORITHM = 'aes-256-cbc';
const KEY_BYTES = 32;
const IV_BYTES = 16;

const base64Of = (bytes: number) =>
  z
    .base64()
    .refine((text) => Buffer.from(text, 'base64').length === bytes, `must be ${bytes} bytes in base64`);

/** The `cipher` of a secrets file; it holds the key in the clear. */
export const veilCipherSchema = z.looseObject({
  type: z.literal('Veil::Cipher::V2'),
  key: base64Of(KEY_BYTES),
  iv: base64Of(IV_BYTES),
});

export type VeilCipher = z.infer<typeof veilCipherSchema>;

/** Creates a cipher with a fresh key and a fresh initialization vector. */
export const freshVeilCipher = (): VeilCipher => ({
  type: 'Veil::Cipher::V2',
  key: randomBytes(KEY_BYTES).toString('base64'),
  iv: randomBytes(IV_BYTES).toString('base64'),
});

/** Encrypts a text to base64. */
export const encryptVeil = (cipher: VeilCipher, text: string): string => {
  const encryption = createCipheriv(ALGORITHM, decoded(cipher.key), decoded(cipher.iv));
  return Buffer.concat([encryption.update(text, 'utf8'), encryption.final()]).toString('base64');
};

/** Decrypts base64 to text; undefined if the key is wrong. */
export const decryptVeil = (cipher: VeilCipher, base64: string): string | undefined => {
  const decryption = createDecipheriv(ALGORITHM, decoded(cipher.key), decoded(cipher.iv));
  try {
    return Buffer.concat([decryption.update(base64, 'base64'), decryption.final()]).toString('utf8');
  } catch {
    return undefined; // the padding is wrong: another key, or a broken file
  }
};

const decoded = (base64: string): Buffer => Buffer.from(base64, 'base64');
