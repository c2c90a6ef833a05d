import { z } from 'zod';

/**
 * The response to a node's config request. Times are in seconds, `max_body_size` is in bytes. A 1.x server omits
 * `curve_public_key`; only our server sends `capabilities`. See docs/spec/wire-protocol.md, "Config document".
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

/** What our server can do beyond servers in the field. Clients ignore unknown capabilities. */
export const CAPABILITY = {
  /** It answers ZMTP pings, so that clients can detect a dead connection. */
  ping: 'zmtp_ping',
  /** It accepts `output` messages while a command runs, and requests them by `output_wanted`. */
  liveOutput: 'live_output',
  /** It confirms results that carry `ack_wanted`, by `result_stored` or `result_unknown`. */
  resultAck: 'result_ack',
} as const;

export type ConfigDocument = z.infer<typeof configDocumentSchema>;

/** Query parameters of the config request: the client's Curve public key and its protocol version. */
export const CONFIG_QUERY = { curveKey: 'ccpk', version: 'version' } as const;
