import { z } from 'zod';

/** The keys before the last rotation; they are accepted during the grace period. */
const previousKeys = z.object({
  pushy_priv_key: z.string().min(1),
  curve_secret_key: z.string().length(40),
  /** Start and end of the grace period: ISO 8601, UTC. */
  rotated_at: z.iso.datetime(),
  valid_until: z.iso.datetime(),
});

/** The server's keys and passwords. See docs/spec/operations.md, "Secrets". */
export const serverSecretsSchema = z.object({
  /** RSA private key, PEM: signs server heartbeats. Nodes get its public half in their config document. */
  pushy_priv_key: z.string().min(1),
  /** Curve25519 secret key of the command channel, Z85. */
  curve_secret_key: z.string().length(40),
  /** 32 bytes in base64: encrypts the session keys in the database. */
  session_seal_key: z.base64(),
  /** Present after a rotation with a grace period; ignored after its end. */
  previous: previousKeys.optional(),
  /** Password of the database role; not needed for the embedded database. */
  sql_password: z.string().optional(),
  /** RSA private key, PEM, of the Chef Server's superuser. */
  superuser_key: z.string().min(1),
});

export type ServerSecrets = z.infer<typeof serverSecretsSchema>;

/** Injection token of the secrets. */
export const SERVER_SECRETS = Symbol('SERVER_SECRETS');
