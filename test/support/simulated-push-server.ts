import { generateKeyPairSync, type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Context, type MessageLike, Publisher, Reply, Router } from 'zeromq';
import {
  type ClientMessage,
  type HeartbeatMessage,
  type JobMessage,
  type OutputMessage,
} from '../../src/shared/protocol/client-message.js';
import { type CurveKeyPair, generateCurveKeyPair } from '../../src/shared/protocol/curve-key.js';
import { decodeClientMessage } from '../../src/shared/protocol/frame-codec.js';
import { formatHeader, parseHeader } from '../../src/shared/protocol/frame-header.js';
import { signHmac, signRsa, verifyHmac } from '../../src/shared/protocol/frame-signature.js';
import { SESSION_KEY_BYTES } from '../../src/shared/protocol/session-key.js';
import { formatRfc1123 } from '../../src/shared/protocol/wire-time.js';
import { encodeZ85 } from '../../src/shared/protocol/z85.js';
import { eventually } from './eventually.js';
import { SimulatedConfig, type SimulatedPushServerOptions } from './simulated-config.js';

type MessageType = Exclude<ClientMessage['type'], 'output'>;
type MessageOf<T extends MessageType> = T extends 'heartbeat' ? HeartbeatMessage : JobMessage;

/** A message that the client sent. */
export interface ReceivedMessage {
  readonly message: HeartbeatMessage | JobMessage;
  /** Routing id of the connection, hexadecimal. */
  readonly identity: string;
  readonly bodyBytes: number;
}

/**
 * A Push Jobs server for one node, as the node sees it: it serves the config, sends what the test tells it to, valid or
 * not, and records what it receives. It uses only the wire protocol code of the product, nothing of the product's
 * server. Close it at the end of the test.
 */
export class SimulatedPushServer {
  /** Received messages with a valid signature, in order. */
  readonly received: ReceivedMessage[] = [];
  /** Received chunks of live output, in order. */
  readonly outputs: OutputMessage[] = [];
  /** Serves the config of the node. */
  readonly config: SimulatedConfig;
  /** How far its clock is ahead of ours, in milliseconds; negative if behind. */
  clockOffsetMs = 0;
  incarnationId: string = randomUUID();
  /** Whether nodes may connect with the Curve keys of their config requests. */
  acceptsKeys = true;
  private sessionKey = randomBytes(SESSION_KEY_BYTES);
  private rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  private readonly context = new Context({ blocky: false });
  private router: Router;
  private publisher: Publisher;
  private readonly zap: Reply;
  private readonly http: Server;
  private readonly expectedCounts = new Map<MessageType, number>();
  private heartbeatTimer: NodeJS.Timeout | undefined;
  private sequence = 0;
  private heartbeatsSent = 0;
  private identity: Buffer | undefined;
  private commandAddress = '';
  private heartbeatAddress = '';

  private constructor(
    private readonly options: SimulatedPushServerOptions,
    private curve: CurveKeyPair,
  ) {
    const { context } = this;
    [this.router, this.publisher] = this.makeSockets();
    this.zap = new Reply({ context, linger: 0 });
    this.config = new SimulatedConfig(options, () => ({
      commandAddress: this.commandAddress,
      heartbeatAddress: this.heartbeatAddress,
      rsaPublicKey: this.rsa.publicKey,
      curvePublicKey: this.curve.publicKey,
      sessionKey: this.sessionKey,
      incarnationId: this.incarnationId,
      now: Date.now() + this.clockOffsetMs,
    }));
    this.http = createServer((request, response) => this.config.respond(request, response));
  }

  static async start(options: SimulatedPushServerOptions): Promise<SimulatedPushServer> {
    const server = new SimulatedPushServer(options, await generateCurveKeyPair());
    await server.listen();
    return server;
  }

  /** The node's setting `chef_server_url`. */
  get url(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}/organizations/${this.options.org}`;
  }

  /** Ports of 127.0.0.1 that it listens on. */
  get ports(): { readonly http: number; readonly command: number; readonly heartbeat: number } {
    return {
      http: (this.http.address() as AddressInfo).port,
      command: Number(new URL(this.commandAddress).port),
      heartbeat: Number(new URL(this.heartbeatAddress).port),
    };
  }

  /** Replaces all keys and the incarnation, as a restart after a key rotation does. */
  async rotateKeys(): Promise<void> {
    this.curve = await generateCurveKeyPair();
    this.rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.sessionKey = randomBytes(SESSION_KEY_BYTES);
    this.incarnationId = randomUUID();
    this.forgetConnection();
    // A socket cannot send while it binds.
    const wasBeating = this.heartbeatTimer !== undefined;
    this.stopHeartbeats();
    this.router.close();
    this.publisher.close();
    [this.router, this.publisher] = this.makeSockets();
    // The old sockets release their ports with a delay.
    await eventually(() => this.router.bind(this.commandAddress).then(() => true));
    await eventually(() => this.publisher.bind(this.heartbeatAddress).then(() => true));
    void this.readMessages();
    if (wasBeating) this.startHeartbeats();
  }

  get messages(): ReceivedMessage['message'][] {
    return this.received.map(({ message }) => message);
  }

  /** Received heartbeats. */
  get heartbeats(): MessageOf<'heartbeat'>[] {
    return this.messages.filter((message) => message.type === 'heartbeat');
  }

  /** Sends a heartbeat now and in every interval. */
  startHeartbeats(): void {
    void this.sendHeartbeat();
    this.heartbeatTimer = setInterval(() => void this.sendHeartbeat(), (this.options.interval ?? 0.2) * 1000);
  }

  stopHeartbeats(): void {
    clearInterval(this.heartbeatTimer);
    this.heartbeatTimer = undefined;
  }

  /** Sends one heartbeat with these changed fields, signed with `key`. */
  async sendHeartbeat(fields: object = {}, key: KeyObject = this.rsa.privateKey): Promise<void> {
    const body = JSON.stringify({
      sequence: this.heartbeatsSent++,
      timestamp: this.timestamp(),
      server: 'simulated',
      type: 'heartbeat',
      incarnation_id: this.incarnationId,
      ...fields,
    });
    await this.publisher.send([formatHeader('rsa2048_sha1', signRsa(key, body)), body]);
  }

  /** Sends a command over the connection that the latest message came from. */
  send(command: object): Promise<void> {
    const body = this.body(command);
    return this.sendFrames(formatHeader('hmac_sha256', signHmac(this.sessionKey, body)), body);
  }

  /** Returns a command's body with the next sequence number and the current time, unless the command has its own. */
  body(command: object): string {
    return JSON.stringify({ sequence: ++this.sequence, timestamp: this.timestamp(), ...command });
  }

  private timestamp(): string {
    return formatRfc1123(Date.now() + this.clockOffsetMs);
  }

  /** Returns the frames that `send` would send. */
  frames(command: object): [header: string, body: string] {
    const body = this.body(command);
    return [formatHeader('hmac_sha256', signHmac(this.sessionKey, body)), body];
  }

  /** Sends any frames. */
  sendFrames(...frames: MessageLike[]): Promise<void> {
    if (this.identity === undefined)
      throw new Error('no message has arrived yet, so there is no route to the node');
    return this.router.send([this.identity, ...frames]);
  }

  /** Waits for the next message of this type after those that the test has already expected. */
  async expect<T extends MessageType>(type: T, withinMs = 40_000): Promise<MessageOf<T>> {
    const index = this.expectedCounts.get(type) ?? 0;
    this.expectedCounts.set(type, index + 1);
    const found = await eventually(
      () => {
        const message = this.messages.filter((one) => one.type === type)[index];
        const seen = this.messages.filter((one) => one.type !== 'heartbeat').map((one) => one.type);
        if (message === undefined)
          throw new Error(`no '${type}' arrived; messages so far: ${seen.join(', ') || 'none'}`);
        return message;
      },
      { withinMs },
    );
    return found as MessageOf<T>;
  }

  /** Forgets all received messages: `expect` waits for later ones only. */
  forgetMessages(): void {
    this.received.length = 0;
    this.expectedCounts.clear();
  }

  /** Restarts the sequence of commands, for a client that has been restarted. */
  forgetConnection(): void {
    this.sequence = 0;
    this.identity = undefined;
  }

  /** Sends commit and run of a job; resolves when the node has acknowledged both. */
  async startJob(jobId: string, command: string, fields: object = {}): Promise<void> {
    await this.commit(jobId, command, fields);
    await this.expect('ack_commit');
    await this.send({ type: 'run', job_id: jobId });
    await this.expect('ack_run');
  }

  commit(jobId: string, command: string, fields: object = {}): Promise<void> {
    return this.send({ type: 'commit', job_id: jobId, server: 'simulated', command, env: {}, ...fields });
  }

  /** Requests live output every `everyMs` milliseconds; 0 ends it. */
  requestOutput(jobId: string, everyMs: number): Promise<void> {
    return this.send({ type: 'output_wanted', job_id: jobId, every_ms: everyMs });
  }

  /** Stops heartbeats and closes all sockets. */
  async close(): Promise<void> {
    this.stopHeartbeats();
    for (const socket of [this.router, this.publisher, this.zap]) socket.close();
    this.http.closeAllConnections();
    this.http.close();
    await once(this.http, 'close');
  }

  private makeSockets(): [Router, Publisher] {
    const { context } = this;
    const encryption = { curveServer: true, curveSecretKey: this.curve.secretKey, zapDomain: 'push' };
    const router = new Router({
      context,
      linger: 0,
      ...(this.options.queuesAllCommands === true ? { sendHighWaterMark: 0 } : {}),
      ...(this.options.encrypted === false ? {} : encryption),
    });
    return [router, new Publisher({ context, linger: 0 })];
  }

  private async listen(): Promise<void> {
    await this.zap.bind('inproc://zeromq.zap.01');
    void this.authenticateConnections();
    await this.router.bind('tcp://127.0.0.1:*');
    await this.publisher.bind('tcp://127.0.0.1:*');
    this.commandAddress = this.router.lastEndpoint ?? '';
    this.heartbeatAddress = this.publisher.lastEndpoint ?? '';
    void this.readMessages();
    this.http.listen(0, '127.0.0.1');
    await once(this.http, 'listening');
  }

  private async authenticateConnections(): Promise<void> {
    for await (const frames of this.zap) {
      const key = encodeZ85(frames[6] ?? Buffer.alloc(0));
      const known = this.acceptsKeys && this.config.requests.includes(key);
      await this.zap.send(['1.0', frames[1] ?? '', known ? '200' : '400', '', '', '']);
    }
  }

  private async readMessages(): Promise<void> {
    for await (const [identity, header, body] of this.router) {
      if (identity === undefined || header === undefined || body === undefined) continue;
      const parsed = parseHeader(header);
      if (!parsed.ok || !verifyHmac(this.sessionKey, body, parsed.value.signature)) continue;
      this.identity = identity;
      const message = decodeClientMessage(body);
      if (!message.ok) continue;
      if (message.value.type === 'output') {
        this.outputs.push(message.value);
        continue;
      }
      this.received.push({
        message: message.value,
        identity: identity.toString('hex'),
        bodyBytes: body.length,
      });
    }
  }
}
