import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { AppError } from '../../shared/lib/app-error.js';
import type { ServerSecrets } from '../config/server-secrets.js';
import { curvePublicKeyOf } from '../../shared/protocol/curve-key.js';
import type { KeySet, PreviousKeys, ServerKeys } from './keys.port.js';

/** The secrets of one key set; those of the previous set are in an object of their own. */
type KeyName = 'pushy_priv_key' | 'curve_secret_key';
type Prefix = '' | 'previous.';
type SecretName = keyof ServerSecrets | `${Prefix}${KeyName}`;

/** Minimum length of the RSA key. The name of the heartbeats' signing method contains it. */
const MIN_RSA_BITS = 2048;

/**
 * Loads the server's keys from its secrets and derives the public halves; loads the previous keys only if their grace
 * period has not ended at `now` (milliseconds since 1970). Throws an AppError that names an invalid secret, never its
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
    throw invalidSecret(`${prefix}curve_secret_key`, 'a Curve25519 secret key in Z85 (40 characters)');
  }

  return {
    rsaPrivateKey,
    rsaPublicKeyPem,
    curve: { publicKey: curvePublicKey, secretKey: secrets.curve_secret_key },
    incarnationId: uuidOf(`${rsaPublicKeyPem}${curvePublicKey}`),
  };
};

/** The error for an invalid secret. */
export const invalidSecret = (name: SecretName, expected: string): AppError =>
  new AppError('secret_invalid', `the secret ${name} is not ${expected}; restore it, or generate keys anew`);

const readRsaKey = (pem: string, name: SecretName): KeyObject => {
  const expected = `an RSA private key in PEM of at least ${MIN_RSA_BITS} bits`;
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw invalidSecret(name, expected); // the cause may quote the key
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa' || bits < MIN_RSA_BITS) throw invalidSecret(name, expected);
  return key;
};

/** Derives a UUID from the SHA-256 of a text (version 8 of RFC 9562, for application-specific UUIDs). */
const uuidOf = (text: string): string => {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
};
