import { createPrivateKey, type KeyObject } from 'node:crypto';
import { AppError } from '../../shared/lib/app-error.js';

/**
 * Reads the secret `superuser_key`; throws an AppError that names it, never its value, where it is no key, or one that
 * makes no signature that Chef Server knows.
 */
export const readSuperuserKey = (pem: string): KeyObject => {
  const key = readPrivateKey(pem);
  if (key?.asymmetricKeyType === 'rsa') return key;
  const is = key === undefined ? 'is not a private key in PEM form' : `is of type ${key.asymmetricKeyType}`;
  throw new AppError(
    'superuser_key_unusable',
    `the secret superuser_key ${is}: it must be the RSA private key of Chef Server's superuser`,
  );
};

const readPrivateKey = (pem: string): KeyObject | undefined => {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined; // whose error could tell of what is in it
  }
};
