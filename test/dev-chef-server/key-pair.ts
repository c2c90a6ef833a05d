import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { selfSignedCertificate } from './certificate.js';

/** Forms in which Chef Servers store public keys; old ones use PKCS#1 and X.509. */
export type PublicKeyForm = 'spki' | 'pkcs1' | 'x509';

/** Creates an RSA key pair as Chef's tools do: 2048 bits; returns the private half as PKCS#1 PEM. */
export const makePrivateKey = async (): Promise<string> => {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return toPem(privateKey);
};

/** Returns the public half of a private key (PEM) in one of the forms, PEM. */
export const publicKeyOf = (privateKey: string, form: PublicKeyForm = 'spki'): string => {
  if (form === 'x509') return selfSignedCertificate(privateKey, 'URI:http://opscode.com/GUIDS/dev');
  const key = createPublicKey(privateKey);
  return form === 'spki'
    ? key.export({ type: 'spki', format: 'pem' }).toString()
    : key.export({ type: 'pkcs1', format: 'pem' }).toString();
};

const toPem = (key: KeyObject): string => key.export({ type: 'pkcs1', format: 'pem' }).toString();
