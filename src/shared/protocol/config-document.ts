import { z } from 'zod';

/**
 * The answer to a node's config request (wire protocol, section 2). Times are in seconds, `max_body_size` in bytes.
 * A 1.x server leaves out `curve_public_key`; servers but ours leave out `capabilities`.
 */
export const configDocumentSchema = z.object({
  type: z.literal('config').optional(),
  host: z.string().optional(),
  push_jobs: z.object({
    heartbeat: z.object({
      out_addr: z.string().min(1),
      command_addr: z.string().min(1),
      interval: z.number().positive(),
      offline_threshold: z.number().positive(),
      online_threshold: z.number().nonnegative(),
    }),
  }),
  node: z.string().optional(),
  organization: z.string().optional(),
  public_key: z.string().min(1),
  curve_public_key: z.string().optional(),
  encoded_session_key: z.object({ method: z.literal('hmac_sha256'), key: z.string().min(1) }),
  lifetime: z.number().positive(),
  max_message_skew: z.number().positive().optional(),
  max_body_size: z.number().positive().optional(),
  incarnation_id: z.string(),
  capabilities: z.array(z.string()).optional(),
});

/** What a server can do beyond what those in the field can. Clients ignore those that they do not know. */
export const CAPABILITY = {
  /** It answers the pings of ZeroMQ, so that a client can notice a dead connection by them. */
  ping: 'zmtp_ping',
  /** It takes `output` messages while a command runs, and says by `output_wanted` when. */
  liveOutput: 'live_output',
} as const;

export type ConfigDocument = z.infer<typeof configDocumentSchema>;

/** The name of the field by which a client names its Curve public key when it asks for its config. */
export const CONFIG_QUERY = { curveKey: 'ccpk', version: 'version' } as const;
