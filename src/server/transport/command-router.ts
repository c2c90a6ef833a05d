import type { Logger } from 'pino';
import type { Activity } from '../config/leadership.port.js';
import type { ServerKeys, Sessions } from '../keys/keys.port.js';
import { messageOf } from '../../shared/lib/app-error.js';
import type { Clock } from '../../shared/lib/clock.js';
import { CommandRouterSocket, type CommandSocket } from '../../shared/platform/zmq/command-router-socket.js';
import { ZapHandler } from '../../shared/platform/zmq/zap-handler.js';
import type { ZmqContext } from '../../shared/platform/zmq/zmq-context.js';
import { formatHeader } from '../../shared/protocol/frame-header.js';
import { signHmac } from '../../shared/protocol/frame-signature.js';
import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { NodeCommand } from '../../shared/protocol/server-message.js';
import { formatRfc1123 } from '../../shared/protocol/wire-time.js';
import { type Drop, FrameJudge, type JudgeLimits, type Verified } from './frame-verifier.js';
import { GracePeriodSocket } from './grace-period-socket.js';
import { type NodeLink, NodeLinks } from './node-links.js';
import { Outbox } from './outbox.js';
import type { TrafficCounts } from './traffic-counts.js';
import type { CommandChannel, NodeMessageHandler } from './transport.port.js';

/** The name under which ZeroMQ asks us who may connect. */
const ZAP_DOMAIN = 'push-jobs';

/** A frame up to this many times the largest body is dropped and counted; a larger one cuts its sender off. */
const CUT_OFF_FACTOR = 4;

/** What the command channel works with. */
export interface CommandRouterOptions {
  readonly context: ZmqContext;
  readonly keys: ServerKeys;
  readonly sessions: Sessions;
  readonly limits: JudgeLimits;
  readonly counts: TrafficCounts;
  readonly activity: Activity;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The server's end of the command channel: verifies what comes from nodes, signs and sends what goes to them. */
export class CommandRouter implements CommandChannel {
  private readonly links = new NodeLinks();
  private readonly judge: FrameJudge;
  private readonly outbox = new Outbox((address, commonPart) => this.deliver(address, commonPart));
  private readonly zap: ZapHandler;
  private readonly socket: CommandSocket;
  private readonly fault: (thrown: unknown) => void;
  private handler: NodeMessageHandler | undefined;

  constructor(private readonly options: CommandRouterOptions) {
    const { context, keys, sessions, limits, clock, counts, logger } = options;
    this.fault = (thrown) =>
      logger.error({ reason: messageOf(thrown) }, 'something went wrong with one message; going on');
    const { fault } = this;
    sessions.whenForgotten((session) => this.links.forget(session));
    this.judge = new FrameJudge(sessions, this.links, limits, clock);
    const accepts = (key: Buffer): boolean => {
      const isAccepted = sessions.accepts(key);
      if (!isAccepted) counts.refused++;
      return isAccepted;
    };
    this.zap = new ZapHandler({ context, domain: ZAP_DOMAIN, accepts, fault });
    const { curve, previous } = keys;
    const socketOptions = {
      context,
      curveSecretKey: curve.secretKey,
      zapDomain: ZAP_DOMAIN,
      maxMessageSize: CUT_OFF_FACTOR * limits.maxBodySize,
    };
    const events = { message: (frames: readonly Buffer[]) => this.receive(frames), fault };
    this.socket =
      previous === undefined
        ? new CommandRouterSocket(socketOptions, events)
        : new GracePeriodSocket({ ...socketOptions, previous, counts, clock, logger }, events);
  }

  /** Opens the channel. Throws an AppError that names the address where it cannot. */
  async start(address: string): Promise<void> {
    await this.zap.listen(); // first, or the first to connect would find nobody who can let them in
    const bound = await this.socket.listen(address);
    this.options.logger.info({ address: bound }, 'the command channel is open');
  }

  /** Closes the channel and all connections. */
  async stop(): Promise<void> {
    this.outbox.stop();
    await this.socket.close();
    await this.zap.close();
  }

  handle(handler: NodeMessageHandler): void {
    this.handler = handler;
  }

  send(addresses: readonly NodeAddress[], command: NodeCommand): void {
    const outcome = this.outbox.post(addresses, command);
    if (outcome === 'posted') return;
    const { counts, logger } = this.options;
    const unsent = { nodes: addresses.length, type: command.type };
    counts.unsent += addresses.length;
    if (outcome === 'full') logger.warn(unsent, 'not sent: too much waits already');
    else logger.info(unsent, 'not sent: the command channel is closed');
  }

  private receive(frames: readonly Buffer[]): void {
    if (this.handler === undefined || !this.options.activity.isActive) return;
    const judged = this.judge.judge(frames);
    if (judged.ok) this.accept(judged.value, this.handler);
    else this.reject(judged.error, frames, this.handler);
  }

  private accept({ identity, session, link, message }: Verified, handler: NodeMessageHandler): void {
    const { counts } = this.options;
    const current = link ?? this.links.bind(identity, session);
    current.lastReceived = message.sequence;
    counts.received++;
    const { address } = session;
    handler.received({ address, session, message, firstOnConnection: link === undefined });
  }

  private reject({ reason, session }: Drop, frames: readonly Buffer[], handler: NodeMessageHandler): void {
    const { counts, logger } = this.options;
    counts.drop(reason);
    if (logger.isLevelEnabled('debug')) {
      const names = session && { org: session.orgName, node: session.address.node };
      const sizes = frames.slice(1, 4).map((frame) => frame.length);
      logger.debug({ reason, ...names, frames: frames.length - 1, sizes }, 'dropped what came');
    }
    if (session !== undefined) handler.dropped(session.address, reason);
  }

  private deliver(address: NodeAddress, commonPart: Buffer): void {
    const link = this.links.of(address);
    if (link?.identity === undefined || !this.options.activity.isActive) {
      this.options.counts.unsent++;
      return;
    }
    const timestamp = formatRfc1123(this.options.clock.now());
    const ownPart = Buffer.from(`{"sequence":${++link.lastSent},"timestamp":"${timestamp}",`);
    const body = Buffer.concat([ownPart, commonPart]);
    const header = formatHeader('hmac_sha256', signHmac(link.session.key, body));
    this.post(link, link.identity, header, body).catch(this.fault);
  }

  private async post(link: NodeLink, identity: Buffer, header: string, body: Buffer): Promise<void> {
    const { counts, logger } = this.options;
    const outcome = await this.socket.send(identity, header, body);
    if (outcome === 'sent') {
      counts.sent++;
      return;
    }
    counts.unsent++;
    logger.debug(
      { node: link.session.address.node, org: link.session.orgName, outcome },
      'could not be sent',
    );
    // A connection that lost a message counts as a new one when the node is heard next.
    if (link.identity === identity) this.links.unbind(link);
  }
}
