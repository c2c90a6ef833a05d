import { createPrivateKey, type KeyObject } from 'node:crypto';
import { AppError } from '../../shared/lib/app-error.js';

/**
 * Parses the secret `superuser_key`. Throws an AppError if it is not an RSA private key, the only type whose signatures
 * Chef Server accepts; the error never contains the value.
 */
export const parseSuperuserKey = (pem: string): KeyObject => {
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
    return undefined; // the error may quote the key
  }
};
