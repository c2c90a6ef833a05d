import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { AppError } from '../../shared/lib/app-error.js';
import type { ServerSecrets } from '../config/server-secrets.js';
import { curvePublicKeyOf } from '../../shared/protocol/curve-key.js';
import type { KeySet, PreviousKeys, ServerKeys } from './keys.port.js';

/** The keys of a set, as secrets; those of the previous set stand in an object of their own. */
type KeyName = 'pushy_priv_key' | 'curve_secret_key';
type Prefix = '' | 'previous.';
type SecretName = keyof ServerSecrets | `${Prefix}${KeyName}`;

/** Shorter RSA keys are refused; the signing method of heartbeats has the length in its name. */
const LEAST_RSA_BITS = 2048;

/**
 * Makes the server's keys from its secrets, deriving the public halves; the previous ones where they count at `now`
 * (milliseconds since 1970). Throws an AppError that names a secret which is not the key that it should be, never its
 * value.
 */
export const loadServerKeys = async (
  secrets: Pick<ServerSecrets, KeyName | 'previous'>,
  now: number,
): Promise<ServerKeys> => ({
  ...(await loadKeySet(secrets, '')),
  previous: await loadPreviousKeys(secrets.previous, now),
});

const loadPreviousKeys = async (
  secrets: ServerSecrets['previous'],
  now: number,
): Promise<PreviousKeys | undefined> => {
  const validUntil = Date.parse(secrets?.valid_until ?? '');
  if (secrets === undefined || validUntil <= now) return undefined;
  const keys = await loadKeySet(secrets, 'previous.');
  return { ...keys, rotatedAt: Date.parse(secrets.rotated_at), validUntil };
};

const loadKeySet = async (secrets: Pick<ServerSecrets, KeyName>, prefix: Prefix): Promise<KeySet> => {
  const rsaPrivateKey = readRsaKey(secrets.pushy_priv_key, `${prefix}pushy_priv_key`);
  const rsaPublicKeyPem = createPublicKey(rsaPrivateKey).export({ type: 'spki', format: 'pem' }).toString();

  const curvePublicKey = await curvePublicKeyOf(secrets.curve_secret_key);
  if (curvePublicKey === undefined) {
    throw badSecret(`${prefix}curve_secret_key`, 'a Curve25519 secret key in Z85 (40 characters)');
  }

  return {
    rsaPrivateKey,
    rsaPublicKeyPem,
    curve: { publicKey: curvePublicKey, secretKey: secrets.curve_secret_key },
    incarnationId: uuidOf(`${rsaPublicKeyPem}${curvePublicKey}`),
  };
};

/** What is thrown where a secret is not what it should be. */
export const badSecret = (name: SecretName, expected: string): AppError =>
  new AppError('secret_invalid', `the secret ${name} is not ${expected}; restore it, or generate keys anew`);

const readRsaKey = (pem: string, name: SecretName): KeyObject => {
  const expected = `an RSA private key in PEM of at least ${LEAST_RSA_BITS} bits`;
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw badSecret(name, expected); // the cause is left out: it may quote the text
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa' || bits < LEAST_RSA_BITS) throw badSecret(name, expected);
  return key;
};

/** A UUID (version 8: made in a way of its own, RFC 9562) of the SHA-256 of a text. */
const uuidOf = (text: string): string => {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
};
