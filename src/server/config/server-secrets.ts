import { z } from 'zod';

/** The keys before the last rotation, which nodes may know the server by for a while yet. */
const previousKeys = z.object({
  pushy_priv_key: z.string().min(1),
  curve_secret_key: z.string().length(40),
  /** When they were replaced, and until when they count all the same: ISO 8601, UTC. */
  rotated_at: z.iso.datetime(),
  valid_until: z.iso.datetime(),
});

/** What the server must know and nobody else: keys and passwords (operations, "Secrets"). */
export const serverSecretsSchema = z.object({
  /** RSA private key, PEM: signs server heartbeats. Nodes get its public half with their config. */
  pushy_priv_key: z.string().min(1),
  /** Curve25519 secret key of the command channel, Z85. */
  curve_secret_key: z.string().length(40),
  /** 32 bytes in base64: seals the session keys that stand in the database. */
  session_seal_key: z.base64(),
  /** There after a rotation with a grace period; without effect when that is over. */
  previous: previousKeys.optional(),
  /** Password of the database role; not needed for the embedded database. */
  sql_password: z.string().optional(),
  /** RSA private key, PEM, of the Chef Server's superuser. */
  superuser_key: z.string().min(1),
});

export type ServerSecrets = z.infer<typeof serverSecretsSchema>;

/** Under this token the secrets are injected. */
export const SERVER_SECRETS = Symbol('SERVER_SECRETS');
