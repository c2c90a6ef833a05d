import type { Session, Sessions } from '../keys/keys.port.js';
import type { Clock } from '../../shared/lib/clock.js';
import { err, ok, type Result } from '../../shared/lib/result.js';
import type { ClientMessage } from '../../shared/protocol/client-message.js';
import { decodeClaimedSender, decodeClientMessage } from '../../shared/protocol/frame-codec.js';
import { type FrameHeader, parseHeader } from '../../shared/protocol/frame-header.js';
import { verifyHmac } from '../../shared/protocol/frame-signature.js';
import { parseRfc1123 } from '../../shared/protocol/wire-time.js';
import type { NodeLink, NodeLinks } from './node-links.js';
import type { DropReason } from './transport.port.js';

/** A verified message and its connection. */
export interface VerifiedMessage {
  /** ZeroMQ's identity of the connection. */
  readonly identity: Buffer;
  readonly session: Session;
  /** Undefined if the message is the first on its connection. */
  readonly link: NodeLink | undefined;
  readonly message: ClientMessage;
}

/** Why a frame is dropped. */
export interface DroppedFrame {
  readonly reason: DropReason;
  /** Set if the sender is proven, by its connection or its signature; an unsigned claim is not enough. */
  readonly session: Session | undefined;
}

export interface FrameLimits {
  /** Bytes. */
  readonly maxBodySize: number;
  /** A timestamp that differs by this many milliseconds or more is rejected. */
  readonly maxSkewMs: number;
}

type Verification<T> = Result<T, DroppedFrame>;

/**
 * Verifies frames from the command channel and changes nothing. Cheap checks come first, and the signature is verified
 * before the body is parsed. See docs/spec/wire-protocol.md, "Order of verification on the server".
 */
export class FrameVerifier {
  constructor(
    private readonly sessions: Sessions,
    private readonly links: NodeLinks,
    private readonly limits: FrameLimits,
    private readonly clock: Clock,
  ) {}

  /** Verifies one message: the identity of its connection, followed by the frames that the peer sent. */
  verify(frames: readonly Buffer[]): Verification<VerifiedMessage> {
    const [identity, headerBytes, body] = frames;
    const link = identity === undefined ? undefined : this.currentLink(identity);
    if (identity === undefined || headerBytes === undefined || body === undefined || frames.length !== 3) {
      return drop('frame_count', link?.session);
    }
    const header = readHeader(headerBytes);
    if (!header.ok) return drop(header.error, link?.session);
    if (body.length > this.limits.maxBodySize) return drop('body_too_long', link?.session);

    const session = link === undefined ? this.claimedSession(body) : ok(link.session);
    if (!session.ok) return session;
    if (!verifyHmac(session.value.key, body, header.value.signature)) {
      return drop('bad_signature', link?.session);
    }
    const message = this.verifySignedBody(body, session.value, link);
    return message.ok ? ok({ identity, session: session.value, link, message: message.value }) : message;
  }

  /** Returns the link of a connection; undefined if its session was replaced, because the node must identify itself again. */
  private currentLink(identity: Buffer): NodeLink | undefined {
    const link = this.links.boundTo(identity);
    if (link === undefined) return undefined;
    const { orgName, address } = link.session;
    return this.sessions.find(orgName, address.node) === link.session ? link : undefined;
  }

  /** Returns the session of the node that the body names; only the signature proves that the node sent it. */
  private claimedSession(body: Buffer): Verification<Session> {
    const sender = decodeClaimedSender(body);
    if (!sender.ok) return drop(sender.error, undefined);
    const session = this.sessions.find(sender.value.org, sender.value.node);
    return session === undefined ? drop('unknown_node', undefined) : ok(session);
  }

  private verifySignedBody(
    body: Buffer,
    session: Session,
    link: NodeLink | undefined,
  ): Verification<ClientMessage> {
    const decoded = decodeClientMessage(body);
    if (!decoded.ok) return drop(decoded.error, session);
    const message = decoded.value;
    if (message.org !== session.orgName || message.node !== session.address.node) {
      return drop('wrong_node', session);
    }
    const sentAt = parseRfc1123(message.timestamp);
    if (sentAt === undefined) return drop('body_malformed', session);
    if (Math.abs(this.clock.now() - sentAt) >= this.limits.maxSkewMs) return drop('clock_skew', session);
    if (link !== undefined && message.sequence <= link.lastReceived) return drop('replayed', session);
    if (!this.sessions.acceptsMessagesOf(session)) return drop('config_too_old', session);
    return ok(message);
  }
}

const drop = (reason: DropReason, session: Session | undefined) => err({ reason, session });

/** Parses a header. Nodes must use version 2.0 and the method `hmac_sha256`. */
const readHeader = (bytes: Buffer): Result<FrameHeader, DropReason> => {
  const header = parseHeader(bytes);
  if (!header.ok) return header;
  if (header.value.version !== '2.0') return err('header_version');
  if (header.value.method !== 'hmac_sha256') return err('header_method');
  return header;
};
