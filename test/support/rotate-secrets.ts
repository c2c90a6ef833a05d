import type { ServerSecrets } from '../../src/server/config/server-secrets.js';
import { testServerSecrets } from './server-settings.js';

/** Returns these secrets after a key rotation: new keys; the previous keys stay valid for `graceMs` milliseconds. */
export const rotateSecrets = async (before: ServerSecrets, graceMs: number): Promise<ServerSecrets> => {
  const { pushy_priv_key, curve_secret_key } = await testServerSecrets();
  const now = Date.now();
  return {
    ...before,
    pushy_priv_key,
    curve_secret_key,
    previous: {
      pushy_priv_key: before.pushy_priv_key,
      curve_secret_key: before.curve_secret_key,
      rotated_at: new Date(now).toISOString(),
      valid_until: new Date(now + graceMs).toISOString(),
    },
  };
};
