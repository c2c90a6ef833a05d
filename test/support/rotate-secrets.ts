import type { ServerSecrets } from '../../src/server/config/server-secrets.js';
import { testServerSecrets } from './server-settings.js';

/** These secrets after a rotation now: new keys, and those of before count for `graceMs` milliseconds more. */
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
