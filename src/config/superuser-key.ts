import { createPrivateKey, type KeyObject } from 'node:crypto';
import { AppError } from '../lib/app-error.js';

/** Reads the secret `superuser_key`; throws an AppError that names it, never its value, where it is no key. */
export const readSuperuserKey = (pem: string): KeyObject => {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new AppError(
      'superuser_key_unreadable',
      'the secret superuser_key is not a private key in PEM form',
    );
  }
};
