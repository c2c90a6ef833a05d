import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { ServerSecrets } from '../config/server-secrets.js';
import { generateCurveKeyPair } from '../../shared/protocol/curve-key.js';

const generate = promisify(generateKeyPair);

/** Length of the server's RSA key. The name of the heartbeats' signing method contains it. */
const RSA_BITS = 2048;

/** Generates the keys of a new server; takes up to some seconds. See docs/spec/operations.md, "Secrets". */
export const generateServerKeys = async (): Promise<
  Pick<ServerSecrets, 'pushy_priv_key' | 'curve_secret_key' | 'session_seal_key'>
> => {
  const { privateKey } = await generate('rsa', { modulusLength: RSA_BITS });
  return {
    pushy_priv_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    curve_secret_key: (await generateCurveKeyPair()).secretKey,
    session_seal_key: randomBytes(32).toString('base64'),
  };
};
