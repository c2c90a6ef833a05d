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

/** Identity of a simulated node, and the addresses it connects to. */
export interface SimulatedNodeOptions {
  readonly org: string;
  readonly node: string;
  readonly sessionKey: Uint8Array;
  readonly curve: CurveKeyPair;
  /** Curve public key of the server, Z85. */
  readonly serverCurveKey: string;
  /** Like `tcp://127.0.0.1:10002`. */
  readonly commandAddress: string;
  /** Address of the server's heartbeats; without it the node does not listen for them. */
  readonly heartbeatAddress?: string;
  /** Identifies one process of a client (default: a new id). */
  readonly incarnationId?: string;
  /** Routing id that it requests from the server's ROUTER; real clients request none. */
  readonly routingId?: string;
  /** Reads nothing from the command channel, and ZeroMQ buffers at most one message. */
  readonly readsNothing?: boolean;
  /** Clock of its timestamps, in milliseconds since 1970. */
  readonly now?: () => number;
}

type CommandType = CommandMessage['type'];
type CommandOf<T extends CommandType> = Extract<CommandMessage, { type: T }>;

const IDLE = { state: 'idle', jobId: null } as const;

/** How long an expectation waits; long enough for a busy machine. */
const TIMEOUT_MS = 40_000;

/**
 * A node as the server sees it: it sends what the test tells it to, valid or not, and records what it receives. It uses
 * only the wire protocol code of the product. Close it at the end of the test.
 */
export class SimulatedNode {
  /** Received commands with a valid signature, in order. */
  readonly commands: CommandMessage[] = [];
  /** Received server heartbeats, in order; their signatures are not verified. */
  readonly serverHeartbeats: ServerHeartbeat[] = [];
  /** Received messages on the command channel that are invalid or fail verification. */
  readonly unreadable: Buffer[][] = [];
  /** Key that it signs and verifies with; tests may replace it. */
  sessionKey: Uint8Array;
  /** Sequence number of its next message; tests may set it. */
  nextSequence = 1;
  incarnationId: string;
  /** The job state that its heartbeats report; tests set it. */
  reportedState: { readonly state: ReportedJobState; readonly jobId: string | null } = IDLE;

  private readonly arrivals = new EventEmitter().setMaxListeners(0);
  private readonly now: () => number;
  private dealer: Dealer;
  private readonly subscriber: Subscriber | undefined;
  private heartbeatTimer: NodeJS.Timeout | undefined;
  private expectedCommands = 0;
  private sending: Promise<void> = Promise.resolve();

  constructor(private readonly options: SimulatedNodeOptions) {
    this.sessionKey = options.sessionKey;
    this.incarnationId = options.incarnationId ?? crypto.randomUUID();
    this.now = options.now ?? (() => Date.now());
    this.dealer = this.openDealer();
    if (options.heartbeatAddress !== undefined)
      this.subscriber = this.openSubscriber(options.heartbeatAddress);
  }

  /** Creates a node from its config document; `sessionKey` is the decrypted key of that document. */
  static fromConfig(
    document: ConfigDocument,
    identity: Pick<SimulatedNodeOptions, 'org' | 'node' | 'sessionKey' | 'curve'>,
  ): SimulatedNode {
    if (document.curve_public_key === undefined) throw new Error('the config has no curve_public_key');
    return new SimulatedNode({
      ...identity,
      serverCurveKey: document.curve_public_key,
      commandAddress: document.push_jobs.heartbeat.command_addr,
      heartbeatAddress: document.push_jobs.heartbeat.out_addr,
    });
  }

  /** Sends a heartbeat with this job state, by default the reported state. */
  sendHeartbeat(jobState = this.reportedState.state, jobId = this.reportedState.jobId): Promise<void> {
    return this.send({ type: 'heartbeat', job_state: jobState, job_id: jobId });
  }

  /** Sends a message about a job: a vote, a result or `aborted`. */
  sendJobMessage(
    type: JobMessageType,
    jobId: string | null,
    fields: Partial<ClientMessage> = {},
  ): Promise<void> {
    return this.send({ ...fields, type, job_id: jobId });
  }

  /** Sends a message of the common fields and these; these win. */
  send(fields: object): Promise<void> {
    return this.sendBody(JSON.stringify(this.message(fields)));
  }

  /** Returns the message that `send` would send now; uses up a sequence number. */
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

  /** Signs and sends any body, JSON or not. */
  sendBody(body: string | Uint8Array): Promise<void> {
    return this.sendFrames(formatHeader('hmac_sha256', signHmac(this.sessionKey, body)), body);
  }

  /** Sends any frames. Messages are queued because the socket sends one at a time. */
  sendFrames(...frames: MessageLike[]): Promise<void> {
    const { dealer } = this;
    const sent = this.sending.then(() => dealer.send(frames));
    this.sending = sent.catch(() => undefined); // the caller handles the error
    return sent;
  }

  /** Sends a heartbeat now and every `intervalMs` milliseconds. */
  async startHeartbeats(intervalMs: number): Promise<void> {
    this.heartbeatTimer = setInterval(() => void this.sendHeartbeat(), intervalMs);
    await this.sendHeartbeat();
  }

  /** Stops the heartbeats; the node stays connected. */
  stopHeartbeats(): void {
    clearInterval(this.heartbeatTimer);
  }

  /**
   * Waits for the next command after those that the test has already expected. Throws if it has another type, or if
   * none arrives in time.
   */
  async expectCommand<T extends CommandType>(type: T): Promise<CommandOf<T>> {
    const index = this.expectedCommands++;
    await this.waitUntil('command', () => this.commands.length > index, `a command '${type}'`);
    const command = this.commands[index]!;
    if (command.type !== type) throw new Error(`expected '${type}', received '${command.type}'`);
    return command as CommandOf<T>;
  }

  /** Waits until the node has received `count` server heartbeats in total; returns the last of them. */
  async expectServerHeartbeats(count: number): Promise<ServerHeartbeat> {
    await this.waitUntil(
      'heartbeat',
      () => this.serverHeartbeats.length >= count,
      `${count} server heartbeats`,
    );
    return this.serverHeartbeats[count - 1]!;
  }

  /** Waits for an event of the command connection, for example `handshake` or `handshake:error:auth`. */
  async connectionEvent(...types: EventType[]): Promise<EventType> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const waits = types.map((type) => once(this.arrivals, `connection:${type}`, { signal }).then(() => type));
    return Promise.race(waits);
  }

  /** Opens a new command connection and restarts its sequence at 1, as a client does after an outage. */
  reconnect(): void {
    this.dealer.close();
    this.nextSequence = 1;
    this.dealer = this.openDealer();
  }

  /** Stops heartbeats and closes all connections. */
  close(): void {
    clearInterval(this.heartbeatTimer);
    this.dealer.close();
    this.subscriber?.close();
  }

  private async waitUntil(event: string, isSo: () => boolean, what: string): Promise<void> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    while (!isSo()) {
      await once(this.arrivals, event, { signal }).catch((thrown: unknown) => {
        const seen = this.commands.map((command) => command.type).join(', ');
        throw new Error(`${what} did not arrive; commands so far: ${seen || 'none'}`, { cause: thrown });
      });
    }
  }

  private openDealer(): Dealer {
    const { curve, serverCurveKey, commandAddress, routingId } = this.options;
    const dealer = new Dealer({
      linger: 0,
      ...(this.options.readsNothing === true && { receiveHighWaterMark: 1 }),
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
    if (this.options.readsNothing !== true) void this.readCommands(dealer);
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
