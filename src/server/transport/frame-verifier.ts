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

/** A message that verified, and where it came from. */
export interface Verified {
  readonly identity: Buffer;
  readonly session: Session;
  /** Undefined where it is the first on its connection. */
  readonly link: NodeLink | undefined;
  readonly message: ClientMessage;
}

/** Why a message is dropped, and the session that it surely belongs to: a claim alone is nobody's. */
export interface Drop {
  readonly reason: DropReason;
  readonly session: Session | undefined;
}

/** Bounds of what is accepted. */
export interface JudgeLimits {
  /** Bytes. */
  readonly maxBodySize: number;
  /** A timestamp that is off by this many milliseconds or more is not accepted. */
  readonly maxSkewMs: number;
}

type Judged<T> = Result<T, Drop>;

/**
 * Judges what comes on the command channel, in the order of wire protocol, section 3: the cheapest look first, and
 * nothing of a body is believed before its signature was checked. Judging changes nothing.
 */
export class FrameJudge {
  constructor(
    private readonly sessions: Sessions,
    private readonly links: NodeLinks,
    private readonly limits: JudgeLimits,
    private readonly clock: Clock,
  ) {}

  /** Judges one message: the connection's identity and the frames that its peer sent. */
  judge(frames: readonly Buffer[]): Judged<Verified> {
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
    const message = this.judgeBody(body, session.value, link);
    return message.ok ? ok({ identity, session: session.value, link, message: message.value }) : message;
  }

  /** The link of a connection, unless its session was replaced: then the connection counts as a new one. */
  private currentLink(identity: Buffer): NodeLink | undefined {
    const link = this.links.boundTo(identity);
    if (link === undefined) return undefined;
    const { orgName, address } = link.session;
    return this.sessions.find(orgName, address.node) === link.session ? link : undefined;
  }

  /** The session of the node that a body claims to come from; whether it does, its signature will tell. */
  private claimedSession(body: Buffer): Judged<Session> {
    const sender = decodeClaimedSender(body);
    if (!sender.ok) return drop(sender.error, undefined);
    const session = this.sessions.find(sender.value.org, sender.value.node);
    return session === undefined ? drop('unknown_node', undefined) : ok(session);
  }

  /** Reads a body whose signature was right. */
  private judgeBody(body: Buffer, session: Session, link: NodeLink | undefined): Judged<ClientMessage> {
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
    if (!this.sessions.listensTo(session)) return drop('config_too_old', session);
    return ok(message);
  }
}

const drop = (reason: DropReason, session: Session | undefined) => err({ reason, session });

/** Reads a header; of what headers may say, a client may say only version 2.0 and `hmac_sha256`. */
const readHeader = (bytes: Buffer): Result<FrameHeader, DropReason> => {
  const header = parseHeader(bytes);
  if (!header.ok) return header;
  if (header.value.version !== '2.0') return err('header_version');
  if (header.value.method !== 'hmac_sha256') return err('header_method');
  return header;
};
