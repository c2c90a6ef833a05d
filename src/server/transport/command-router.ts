import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../config/config.module.js';
import { Leadership } from '../config/leadership.port.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { ServerKeys, Sessions } from '../keys/keys.port.js';
import { messageOf } from '../../shared/lib/app-error.js';
import { Clock } from '../../shared/lib/clock.js';
import { CommandRouterSocket, type CommandSocket } from '../../shared/platform/zmq/command-router-socket.js';
import { ZapHandler } from '../../shared/platform/zmq/zap-handler.js';
import { ZmqContext } from '../../shared/platform/zmq/zmq-context.js';
import { formatHeader } from '../../shared/protocol/frame-header.js';
import { signHmac } from '../../shared/protocol/frame-signature.js';
import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { NodeCommand } from '../../shared/protocol/server-message.js';
import { formatRfc1123 } from '../../shared/protocol/wire-time.js';
import { type DroppedFrame, FrameVerifier, type VerifiedMessage } from './frame-verifier.js';
import { GracePeriodSocket } from './grace-period-socket.js';
import { type NodeLink, NodeLinks } from './node-links.js';
import { Outbox } from './outbox.js';
import { TransportCounters } from './transport-counters.js';
import type { CommandChannel, NodeMessageHandler } from './transport.port.js';

/** ZeroMQ names this domain when it asks the ZAP handler who may connect. */
const ZAP_DOMAIN = 'push-jobs';

/** A frame of up to this many times `max_body_size` is dropped and counted; a larger one closes the connection. */
const MAX_FRAME_FACTOR = 4;

/** The server's end of the command channel: verifies messages from nodes, signs and sends messages to nodes. */
@Injectable()
export class CommandRouter implements CommandChannel {
  private readonly links = new NodeLinks();
  private readonly verifier: FrameVerifier;
  private readonly outbox = new Outbox((address, commonPart) => this.deliver(address, commonPart));
  private readonly zap: ZapHandler;
  private readonly socket: CommandSocket;
  private readonly logger: Logger;
  private handler: NodeMessageHandler | undefined;

  constructor(
    private readonly context: ZmqContext,
    private readonly keys: ServerKeys,
    sessions: Sessions,
    private readonly counts: TransportCounters,
    @Inject(SERVER_CONFIG) config: ServerConfig,
    private readonly leadership: Leadership,
    private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'transport' });
    const limits = {
      maxBodySize: config.max_body_size,
      get maxSkewMs() {
        return config.max_time_skew * 1000; // a reload may change it
      },
    };
    this.verifier = new FrameVerifier(sessions, this.links, limits, clock);
    sessions.onEvicted((session) => this.links.forget(session));
    const accepts = (key: Buffer): boolean => {
      const isAccepted = sessions.acceptsCurveKey(key);
      if (!isAccepted) counts.refused++;
      return isAccepted;
    };
    this.zap = new ZapHandler({ context, domain: ZAP_DOMAIN, accepts, fault: this.logFault });
    this.socket = this.createSocket(MAX_FRAME_FACTOR * limits.maxBodySize);
  }

  /** Opens the channel. Throws an AppError that names the address if it cannot be opened. */
  async start(address: string): Promise<void> {
    await this.zap.listen(); // first, because connections are refused while no ZAP handler listens
    const bound = await this.socket.listen(address);
    this.logger.info({ address: bound }, 'the command channel is open');
  }

  /** Closes the channel and all connections. */
  async stop(): Promise<void> {
    this.outbox.stop();
    await this.socket.close();
    await this.zap.close();
  }

  setHandler(handler: NodeMessageHandler): void {
    this.handler = handler;
  }

  send(addresses: readonly NodeAddress[], command: NodeCommand): void {
    const outcome = this.outbox.enqueue(addresses, command);
    if (outcome === 'queued') return;
    const unsent = { nodes: addresses.length, type: command.type };
    this.counts.unsent += addresses.length;
    if (outcome === 'full') this.logger.warn(unsent, 'messages were not sent: the send queue is full');
    else this.logger.info(unsent, 'messages were not sent: the command channel is closed');
  }

  private readonly logFault = (thrown: unknown): void =>
    this.logger.error({ reason: messageOf(thrown) }, 'one message failed; the command channel stays open');

  private createSocket(maxMessageSize: number): CommandSocket {
    const { context, counts, clock, logger } = this;
    const { curve, previous } = this.keys;
    const options = { context, curveSecretKey: curve.secretKey, zapDomain: ZAP_DOMAIN, maxMessageSize };
    const events = { message: (frames: readonly Buffer[]) => this.receive(frames), fault: this.logFault };
    return previous === undefined
      ? new CommandRouterSocket(options, events)
      : new GracePeriodSocket({ ...options, previous, counts, clock, logger }, events);
  }

  private receive(frames: readonly Buffer[]): void {
    if (this.handler === undefined || !this.leadership.isLeader) return;
    const verified = this.verifier.verify(frames);
    if (verified.ok) this.accept(verified.value, this.handler);
    else this.drop(verified.error, frames, this.handler);
  }

  private accept({ identity, session, link, message }: VerifiedMessage, handler: NodeMessageHandler): void {
    const current = link ?? this.links.bind(identity, session);
    current.lastReceived = message.sequence;
    this.counts.received++;
    const { address } = session;
    handler.received({ address, session, message, firstOnConnection: link === undefined });
  }

  private drop(
    { reason, session }: DroppedFrame,
    frames: readonly Buffer[],
    handler: NodeMessageHandler,
  ): void {
    this.counts.countDrop(reason);
    if (this.logger.isLevelEnabled('debug')) {
      const names = session && { org: session.orgName, node: session.address.node };
      const sizes = frames.slice(1, 4).map((frame) => frame.length);
      this.logger.debug({ reason, ...names, frames: frames.length - 1, sizes }, 'dropped a frame');
    }
    if (session !== undefined) handler.dropped(session.address, reason);
  }

  private deliver(address: NodeAddress, commonPart: Buffer): void {
    const link = this.links.ofNode(address);
    if (link?.identity === undefined || !this.leadership.isLeader) {
      this.counts.unsent++;
      return;
    }
    const timestamp = formatRfc1123(this.clock.now());
    const ownPart = Buffer.from(`{"sequence":${++link.lastSent},"timestamp":"${timestamp}",`);
    const body = Buffer.concat([ownPart, commonPart]);
    const header = formatHeader('hmac_sha256', signHmac(link.session.key, body));
    this.sendTo(link, link.identity, header, body).catch(this.logFault);
  }

  private async sendTo(link: NodeLink, identity: Buffer, header: string, body: Buffer): Promise<void> {
    const outcome = await this.socket.send(identity, header, body);
    if (outcome === 'sent') {
      this.counts.sent++;
      return;
    }
    this.counts.unsent++;
    this.logger.debug(
      { node: link.session.address.node, org: link.session.orgName, outcome },
      'a message was not sent',
    );
    // The node's next message counts as the first on a connection, so that the jobs know that messages may be lost.
    if (link.identity === identity) this.links.unbind(link);
  }
}
