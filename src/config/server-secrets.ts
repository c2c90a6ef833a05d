import { z } from 'zod';

/** What the server must know and nobody else: keys and passwords (operations, "Secrets"). */
export const serverSecretsSchema = z.object({
  /** RSA private key, PEM: signs server heartbeats. Nodes get its public half with their config. */
  pushy_priv_key: z.string().min(1),
  /** Curve25519 secret key of the command channel, Z85. */
  curve_secret_key: z.string().length(40),
  /** 32 bytes in base64: seals the session keys that stand in the database. */
  session_seal_key: z.base64(),
  /** Password of the database role; not needed for the embedded database. */
  sql_password: z.string().optional(),
  /** RSA private key, PEM, of the Chef Server's superuser. */
  superuser_key: z.string().min(1),
});

export type ServerSecrets = z.infer<typeof serverSecretsSchema>;

/** Under this token the secrets are injected. */
export const SERVER_SECRETS = Symbol('SERVER_SECRETS');
