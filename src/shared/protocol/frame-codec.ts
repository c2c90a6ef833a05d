import type { z } from 'zod';
import { err, ok, type Result } from '../lib/result.js';
import {
  claimedSenderSchema,
  type ClaimedSender,
  clientMessageSchema,
  type ClientMessage,
} from './client-message.js';
import { formatHeader } from './frame-header.js';
import { signHmac } from './frame-signature.js';
import {
  commandMessageSchema,
  type CommandMessage,
  serverHeartbeatSchema,
  type ServerHeartbeat,
} from './server-message.js';

/** Why a body cannot be decoded; also the metric label of such frames. */
export type BodyFault = 'body_not_json' | 'body_malformed';

/** A frame to send. */
export type Frame = readonly [header: string, body: string];

/** Encodes a message and signs it with the session key. */
export const encodeFrame = (sessionKey: Uint8Array, message: object): Frame => {
  const body = JSON.stringify(message);
  return [formatHeader('hmac_sha256', signHmac(sessionKey, body)), body];
};

const utf8 = new TextDecoder('utf-8', { fatal: true });

const decode = <Schema extends z.ZodType>(
  schema: Schema,
  body: Uint8Array,
): Result<z.infer<Schema>, BodyFault> => {
  let json: unknown;
  try {
    json = JSON.parse(utf8.decode(body));
  } catch {
    return err('body_not_json');
  }
  const parsed = schema.safeParse(json);
  return parsed.success ? ok(parsed.data) : err('body_malformed');
};

/** Decodes the body of a frame from a client. */
export const decodeClientMessage = (body: Uint8Array): Result<ClientMessage, BodyFault> =>
  decode(clientMessageSchema, body);

/** Decodes only the claimed sender of a frame, to find the key that verifies it. */
export const decodeClaimedSender = (body: Uint8Array): Result<ClaimedSender, BodyFault> =>
  decode(claimedSenderSchema, body);

/** Decodes the body of a frame from the server on the command channel. */
export const decodeCommandMessage = (body: Uint8Array): Result<CommandMessage, BodyFault> =>
  decode(commandMessageSchema, body);

/** Decodes the body of a server heartbeat. */
export const decodeServerHeartbeat = (body: Uint8Array): Result<ServerHeartbeat, BodyFault> =>
  decode(serverHeartbeatSchema, body);
