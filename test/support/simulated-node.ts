import { EventEmitter, once } from 'node:events';
import { Dealer, type EventType, type MessageLike, Subscriber } from 'zeromq';
import type {
  ClientMessage,
  JobMessageType,
  ReportedJobState,
} from '../../src/shared/protocol/client-message.js';
import type { ConfigDocument } from '../../src/shared/protocol/config-document.js';
import type { CurveKeyPair } from '../../src/shared/protocol/curve-key.js';
import { decodeCommandMessage, decodeServerHeartbeat } from '../../src/shared/protocol/frame-codec.js';
import { formatHeader, parseHeader } from '../../src/shared/protocol/frame-header.js';
import { signHmac, verifyHmac } from '../../src/shared/protocol/frame-signature.js';
import type { CommandMessage, ServerHeartbeat } from '../../src/shared/protocol/server-message.js';
import { formatRfc1123 } from '../../src/shared/protocol/wire-time.js';

/** Who a simulated node is, and where it connects to. */
export interface SimulatedNodeOptions {
  readonly org: string;
  readonly node: string;
  readonly sessionKey: Uint8Array;
  readonly curve: CurveKeyPair;
  /** The server's Curve public key, Z85. */
  readonly serverCurveKey: string;
  /** Like `tcp://127.0.0.1:10002`. */
  readonly commandAddress: string;
  /** Where the server's heartbeats come from; without it the node does not listen for them. */
  readonly heartbeatAddress?: string;
  /** Stands for one process of a client; made up where it is left out. */
  readonly incarnationId?: string;
  /** The identity that it asks the server's ROUTER for; clients ask for none. */
  readonly routingId?: string;
  /** It reads nothing of what comes on the command channel, and its ZeroMQ next to nothing. */
  readonly isDeaf?: boolean;
  /** Milliseconds since 1970, for the timestamps that it sends. */
  readonly now?: () => number;
}

type CommandType = CommandMessage['type'];
type CommandOf<T extends CommandType> = Extract<CommandMessage, { type: T }>;

const IDLE = { state: 'idle', jobId: null } as const;

/** How long an expectation waits, in milliseconds. */
const PATIENCE_MS = 20_000;

/**
 * A node as the server sees it, and nothing more: it sends what the test tells it to, well or badly formed, and keeps
 * what comes. It shares only the wire protocol with the product. Close it when the test is over.
 */
export class SimulatedNode {
  /** The commands that came and verified, in order. */
  readonly commands: CommandMessage[] = [];
  /** The server heartbeats that came, in order; their signatures are not checked here. */
  readonly serverHeartbeats: ServerHeartbeat[] = [];
  /** Messages on the command channel that did not verify or could not be read. */
  readonly unreadable: Buffer[][] = [];
  /** The key that it signs and verifies with; a test may replace it. */
  sessionKey: Uint8Array;
  /** The sequence that its next message carries; a test may set it. */
  nextSequence = 1;
  incarnationId: string;
  /** What its heartbeats say that it is doing; a test sets it. */
  doing: { readonly state: ReportedJobState; readonly jobId: string | null } = IDLE;

  private readonly arrivals = new EventEmitter().setMaxListeners(0);
  private readonly now: () => number;
  private dealer: Dealer;
  private readonly subscriber: Subscriber | undefined;
  private beating: NodeJS.Timeout | undefined;
  private taken = 0;
  private sending: Promise<void> = Promise.resolve();

  constructor(private readonly options: SimulatedNodeOptions) {
    this.sessionKey = options.sessionKey;
    this.incarnationId = options.incarnationId ?? crypto.randomUUID();
    this.now = options.now ?? (() => Date.now());
    this.dealer = this.openDealer();
    if (options.heartbeatAddress !== undefined)
      this.subscriber = this.openSubscriber(options.heartbeatAddress);
  }

  /** A node that connects as its config document says; `sessionKey` is the document's, decrypted. */
  static fromConfig(
    document: ConfigDocument,
    mine: Pick<SimulatedNodeOptions, 'org' | 'node' | 'sessionKey' | 'curve'>,
  ): SimulatedNode {
    if (document.curve_public_key === undefined) throw new Error('the config has no curve_public_key');
    return new SimulatedNode({
      ...mine,
      serverCurveKey: document.curve_public_key,
      commandAddress: document.push_jobs.heartbeat.command_addr,
      heartbeatAddress: document.push_jobs.heartbeat.out_addr,
    });
  }

  /** Sends a heartbeat that says what the node is doing. */
  sendHeartbeat(jobState = this.doing.state, jobId = this.doing.jobId): Promise<void> {
    return this.send({ type: 'heartbeat', job_state: jobState, job_id: jobId });
  }

  /** Sends a message about a job: a vote, a result, `aborted`. */
  sendJobMessage(
    type: JobMessageType,
    jobId: string | null,
    fields: Partial<ClientMessage> = {},
  ): Promise<void> {
    return this.send({ ...fields, type, job_id: jobId });
  }

  /** Sends a message made of the common fields and these, which win. */
  send(fields: object): Promise<void> {
    return this.sendBody(JSON.stringify(this.message(fields)));
  }

  /** The message that `send` would send now; takes the next sequence number. */
  message(fields: object): object {
    return {
      node: this.options.node,
      client: 'simulated.example.com',
      protocol_version: '2.0',
      org: this.options.org,
      sequence: this.nextSequence++,
      timestamp: formatRfc1123(this.now()),
      incarnation_id: this.incarnationId,
      ...fields,
    };
  }

  /** Signs and sends a body as it is, JSON or not. */
  sendBody(body: string | Uint8Array): Promise<void> {
    return this.sendFrames(formatHeader('hmac_sha256', signHmac(this.sessionKey, body)), body);
  }

  /** Sends any frames at all, after those that are being sent: the socket takes one message at a time. */
  sendFrames(...frames: MessageLike[]): Promise<void> {
    const { dealer } = this;
    const sent = this.sending.then(() => dealer.send(frames));
    this.sending = sent.catch(() => undefined); // whoever sent it hears of it
    return sent;
  }

  /** Sends a heartbeat now and each `intervalMs` milliseconds from now on. */
  async beat(intervalMs: number): Promise<void> {
    this.beating = setInterval(() => void this.sendHeartbeat(), intervalMs);
    await this.sendHeartbeat();
  }

  /** Falls silent, but stays connected. */
  stopBeating(): void {
    clearInterval(this.beating);
  }

  /**
   * The next command that came after those expected so far, waiting for it if need be. Fails where it is not of this
   * type, or does not come within twenty seconds.
   */
  async expectCommand<T extends CommandType>(type: T): Promise<CommandOf<T>> {
    const index = this.taken++;
    await this.until('command', () => this.commands.length > index, `a command '${type}'`);
    const command = this.commands[index]!;
    if (command.type !== type) throw new Error(`expected '${type}', but '${command.type}' came`);
    return command as CommandOf<T>;
  }

  /** Waits until `count` server heartbeats have come in all; resolves to the last of these. */
  async expectServerHeartbeats(count: number): Promise<ServerHeartbeat> {
    await this.until('heartbeat', () => this.serverHeartbeats.length >= count, `${count} server heartbeats`);
    return this.serverHeartbeats[count - 1]!;
  }

  /** Waits for an event of the command connection, such as `handshake` or `handshake:error:auth`. */
  async connectionEvent(...types: EventType[]): Promise<EventType> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const waits = types.map((type) => once(this.arrivals, `connection:${type}`, { signal }).then(() => type));
    return Promise.race(waits);
  }

  /** Closes the command connection and opens a new one, numbering from 1 again, as a client does after an outage. */
  reconnect(): void {
    this.dealer.close();
    this.nextSequence = 1;
    this.dealer = this.openDealer();
  }

  /** Ends all that it does. */
  close(): void {
    clearInterval(this.beating);
    this.dealer.close();
    this.subscriber?.close();
  }

  private async until(event: string, isSo: () => boolean, what: string): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    while (!isSo()) {
      await once(this.arrivals, event, { signal }).catch((thrown: unknown) => {
        const seen = this.commands.map((command) => command.type).join(', ');
        throw new Error(`${what} did not come; commands so far: ${seen || 'none'}`, { cause: thrown });
      });
    }
  }

  private openDealer(): Dealer {
    const { curve, serverCurveKey, commandAddress, routingId } = this.options;
    const dealer = new Dealer({
      linger: 0,
      ...(this.options.isDeaf === true && { receiveHighWaterMark: 1 }),
      ...(routingId !== undefined && { routingId }),
      curveServerKey: serverCurveKey,
      curvePublicKey: curve.publicKey,
      curveSecretKey: curve.secretKey,
    });
    for (const type of [
      'handshake',
      'handshake:error:auth',
      'handshake:error:protocol',
      'disconnect',
    ] as const) {
      dealer.events.on(type, () => this.arrivals.emit(`connection:${type}`));
    }
    dealer.connect(commandAddress);
    if (this.options.isDeaf !== true) void this.readCommands(dealer);
    return dealer;
  }

  private async readCommands(dealer: Dealer): Promise<void> {
    for await (const frames of dealer) {
      const command = this.readCommand(frames);
      if (command === undefined) this.unreadable.push(frames);
      else this.commands.push(command);
      this.arrivals.emit('command');
    }
  }

  private readCommand([header, body, ...rest]: Buffer[]): CommandMessage | undefined {
    if (header === undefined || body === undefined || rest.length > 0) return undefined;
    const parsed = parseHeader(header);
    if (!parsed.ok || !verifyHmac(this.sessionKey, body, parsed.value.signature)) return undefined;
    const message = decodeCommandMessage(body);
    return message.ok ? message.value : undefined;
  }

  private openSubscriber(address: string): Subscriber {
    const subscriber = new Subscriber({ linger: 0 });
    subscriber.subscribe('');
    subscriber.connect(address);
    void this.readHeartbeats(subscriber);
    return subscriber;
  }

  private async readHeartbeats(subscriber: Subscriber): Promise<void> {
    for await (const [, body] of subscriber) {
      const heartbeat = decodeServerHeartbeat(body ?? Buffer.alloc(0));
      if (heartbeat.ok) this.serverHeartbeats.push(heartbeat.value);
      this.arrivals.emit('heartbeat');
    }
  }
}
