import { generateKeyPairSync, type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Context, type MessageLike, Publisher, Reply, Router } from 'zeromq';
import { readSignedHeaders } from '../../src/shared/protocol/chef-signature/signed-headers.js';
import { verifyRequest } from '../../src/shared/protocol/chef-signature/verify-request.js';
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
import { encryptSessionKey, SESSION_KEY_BYTES } from '../../src/shared/protocol/session-key.js';
import { formatRfc1123 } from '../../src/shared/protocol/wire-time.js';
import { encodeZ85 } from '../../src/shared/protocol/z85.js';
import { eventually } from './eventually.js';

/** How a simulated server behaves from its start on. */
export interface SimulatedPushServerOptions {
  readonly org: string;
  readonly node: string;
  /** Verifies the node's requests; the session key is encrypted to it. */
  readonly nodeKey: KeyObject;
  /** Heartbeat interval in seconds. */
  readonly interval?: number;
  /** A 1.x server has no Curve keys. */
  readonly encrypted?: boolean;
  /** Seconds after which a node fetches its config again. */
  readonly lifetime?: number;
}

type MessageType = Exclude<ClientMessage['type'], 'output'>;
type MessageOf<T extends MessageType> = T extends 'heartbeat' ? HeartbeatMessage : JobMessage;

/** A message of the client as it came. */
export interface Arrival {
  readonly message: HeartbeatMessage | JobMessage;
  /** Of the connection; hexadecimal. */
  readonly identity: string;
  readonly bodyBytes: number;
}

/**
 * A push jobs server for one node, as the node sees it, and nothing more: it answers config requests, sends what the
 * test tells it to, well or badly formed, and keeps what comes. It shares only the wire protocol with the product, and
 * is independent of the product's server. Close it when the test is over.
 */
export class SimulatedPushServer {
  /** The messages that came and verified, in order. */
  readonly arrivals: Arrival[] = [];
  /** The pieces of live output that came, in order. */
  readonly outputs: OutputMessage[] = [];
  /** Curve keys named in config requests, in order. */
  readonly configRequests: string[] = [];
  /** What config requests are answered with. */
  configStatus = 200;
  /** Where config requests are sent on to, as `https://HOST`. */
  redirectsTo: string | undefined;
  incarnationId: string = randomUUID();
  /** Whether the Curve keys that were named may connect. */
  acceptsKeys = true;
  /** How far its clock is ahead of ours, in milliseconds. */
  clockOffsetMs = 0;
  /** The ports of 127.0.0.1, or of `hostVia`, by which a node is to reach it, where those are not its own. */
  commandVia: number | undefined;
  heartbeatVia: number | undefined;
  hostVia = '127.0.0.1';

  /** What it says in its config that it can do beyond others. */
  capabilities: readonly string[] | undefined;

  private sessionKey = randomBytes(SESSION_KEY_BYTES);
  private rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  private readonly context = new Context({ blocky: false });
  private router: Router;
  private publisher: Publisher;
  private readonly zap: Reply;
  private readonly http: Server;
  private readonly taken = new Map<MessageType, number>();
  private beating: NodeJS.Timeout | undefined;
  private sequence = 0;
  private beats = 0;
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
    this.http = createServer((request, response) => this.answerConfig(request, response));
  }

  static async start(options: SimulatedPushServerOptions): Promise<SimulatedPushServer> {
    const server = new SimulatedPushServer(options, await generateCurveKeyPair());
    await server.listen();
    return server;
  }

  /** What the node's `chef_server_url` is to be. */
  get url(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}/organizations/${this.options.org}`;
  }

  /** The ports of 127.0.0.1 that it listens on. */
  get ports(): { readonly http: number; readonly command: number; readonly heartbeat: number } {
    return {
      http: (this.http.address() as AddressInfo).port,
      command: Number(new URL(this.commandAddress).port),
      heartbeat: Number(new URL(this.heartbeatAddress).port),
    };
  }

  /** Changes all its keys, as an administrator does, and is another incarnation then. */
  async rotateKeys(): Promise<void> {
    this.curve = await generateCurveKeyPair();
    this.rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.sessionKey = randomBytes(SESSION_KEY_BYTES);
    this.incarnationId = randomUUID();
    this.forgetConnection();
    // A socket that is being bound sends nothing.
    const wasBeating = this.beating !== undefined;
    this.stopHeartbeats();
    this.router.close();
    this.publisher.close();
    [this.router, this.publisher] = this.makeSockets();
    // The old sockets give their ports up a moment later.
    await eventually(() => this.router.bind(this.commandAddress).then(() => true));
    await eventually(() => this.publisher.bind(this.heartbeatAddress).then(() => true));
    void this.readMessages();
    if (wasBeating) this.startHeartbeats();
  }

  get messages(): Arrival['message'][] {
    return this.arrivals.map(({ message }) => message);
  }

  /** The heartbeats that came. */
  get heartbeats(): MessageOf<'heartbeat'>[] {
    return this.messages.filter((message) => message.type === 'heartbeat');
  }

  /** Sends the server's heartbeats, one now and one each interval. */
  startHeartbeats(): void {
    void this.beat();
    this.beating = setInterval(() => void this.beat(), (this.options.interval ?? 0.2) * 1000);
  }

  stopHeartbeats(): void {
    clearInterval(this.beating);
    this.beating = undefined;
  }

  /** Sends one heartbeat, of this process or as given; `key` signs it. */
  async beat(fields: object = {}, key: KeyObject = this.rsa.privateKey): Promise<void> {
    const body = JSON.stringify({
      sequence: this.beats++,
      timestamp: this.timestamp(),
      server: 'simulated',
      type: 'heartbeat',
      incarnation_id: this.incarnationId,
      ...fields,
    });
    await this.publisher.send([formatHeader('rsa2048_sha1', signRsa(key, body)), body]);
  }

  /** Sends a command, over the connection of the last message that came. */
  send(command: object): Promise<void> {
    const body = this.body(command);
    return this.sendFrames(formatHeader('hmac_sha256', signHmac(this.sessionKey, body)), body);
  }

  /** A command's body with the next sequence number and the time, unless it has its own. */
  body(command: object): string {
    return JSON.stringify({ sequence: ++this.sequence, timestamp: this.timestamp(), ...command });
  }

  private timestamp(): string {
    return formatRfc1123(Date.now() + this.clockOffsetMs);
  }

  /** A command's frames as `send` sends them, to be sent as they are, or more than once. */
  frames(command: object): [header: string, body: string] {
    const body = this.body(command);
    return [formatHeader('hmac_sha256', signHmac(this.sessionKey, body)), body];
  }

  /** Sends any frames at all. */
  sendFrames(...frames: MessageLike[]): Promise<void> {
    if (this.identity === undefined) throw new Error('no message has come yet');
    return this.router.send([this.identity, ...frames]);
  }

  /** The next message of this type after those expected so far, waiting for it if need be. */
  async expect<T extends MessageType>(type: T, withinMs = 20_000): Promise<MessageOf<T>> {
    const index = this.taken.get(type) ?? 0;
    this.taken.set(type, index + 1);
    const found = await eventually(
      () => {
        const message = this.messages.filter((one) => one.type === type)[index];
        const seen = this.messages.filter((one) => one.type !== 'heartbeat').map((one) => one.type);
        if (message === undefined) throw new Error(`no '${type}' came, but ${seen.join(', ') || 'nothing'}`);
        return message;
      },
      { withinMs },
    );
    return found as MessageOf<T>;
  }

  /** From now on only messages that come later are expected. */
  forgetMessages(): void {
    this.arrivals.length = 0;
    this.taken.clear();
  }

  /** The node is another process now: its numbering of our commands starts anew. */
  forgetConnection(): void {
    this.sequence = 0;
    this.identity = undefined;
  }

  /** Has a job committed and started; resolves when the node says that it runs. */
  async startJob(jobId: string, command: string, fields: object = {}): Promise<void> {
    await this.commit(jobId, command, fields);
    await this.expect('ack_commit');
    await this.send({ type: 'run', job_id: jobId });
    await this.expect('ack_run');
  }

  commit(jobId: string, command: string, fields: object = {}): Promise<void> {
    return this.send({ type: 'commit', job_id: jobId, server: 'simulated', command, env: {}, ...fields });
  }

  /** Asks for output of a job each `everyMs` milliseconds; 0 for no more. */
  wantOutput(jobId: string, everyMs: number): Promise<void> {
    return this.send({ type: 'output_wanted', job_id: jobId, every_ms: everyMs });
  }

  /** Ends all that it does. */
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
      ...(this.options.encrypted === false ? {} : encryption),
    });
    return [router, new Publisher({ context, linger: 0 })];
  }

  private async listen(): Promise<void> {
    await this.zap.bind('inproc://zeromq.zap.01');
    void this.answerZap();
    await this.router.bind('tcp://127.0.0.1:*');
    await this.publisher.bind('tcp://127.0.0.1:*');
    this.commandAddress = this.router.lastEndpoint ?? '';
    this.heartbeatAddress = this.publisher.lastEndpoint ?? '';
    void this.readMessages();
    this.http.listen(0, '127.0.0.1');
    await once(this.http, 'listening');
  }

  private async answerZap(): Promise<void> {
    for await (const frames of this.zap) {
      const key = encodeZ85(frames[6] ?? Buffer.alloc(0));
      const known = this.acceptsKeys && this.configRequests.includes(key);
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
      this.arrivals.push({
        message: message.value,
        identity: identity.toString('hex'),
        bodyBytes: body.length,
      });
    }
  }

  private answerConfig(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    response.setHeader('Date', new Date(Date.now() + this.clockOffsetMs).toUTCString());
    const { org, node, nodeKey } = this.options;
    const headers = readSignedHeaders(request.headers, Date.now());
    const received = { method: request.method ?? '', path: request.url ?? '', body: new Uint8Array() };
    if (!headers.ok || headers.value.userId !== node || !verifyRequest(headers.value, received, nodeKey)) {
      response.writeHead(401).end('{"error":["the signature is wrong"]}');
    } else if (this.redirectsTo !== undefined) {
      response.writeHead(301, { location: `${this.redirectsTo}${request.url}` }).end('<html>moved</html>');
    } else if (this.configStatus !== 200) {
      response.writeHead(this.configStatus).end('{"error":["told to refuse"]}');
    } else if (url.pathname !== `/organizations/${org}/pushy/config/${node}`) {
      response.writeHead(404).end('{"error":["no such thing"]}');
    } else {
      this.configRequests.push(url.searchParams.get('ccpk') ?? '');
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(this.config()));
    }
  }

  private config(): object {
    const { org, node, nodeKey, interval = 0.2, encrypted = true, lifetime = 3600 } = this.options;
    return {
      type: 'config',
      host: '127.0.0.1',
      push_jobs: {
        heartbeat: {
          out_addr: addressVia(this.hostVia, this.heartbeatVia) ?? this.heartbeatAddress,
          command_addr: addressVia(this.hostVia, this.commandVia) ?? this.commandAddress,
          interval,
          offline_threshold: 3,
          online_threshold: 2,
        },
      },
      node,
      organization: org,
      public_key: this.rsa.publicKey.export({ type: 'spki', format: 'pem' }),
      ...(encrypted ? { curve_public_key: this.curve.publicKey } : {}),
      encoded_session_key: { method: 'hmac_sha256', key: encryptSessionKey(nodeKey, this.sessionKey) },
      lifetime,
      max_message_skew: 300,
      max_body_size: 65_536,
      incarnation_id: this.incarnationId,
      ...(this.capabilities === undefined ? {} : { capabilities: this.capabilities }),
    };
  }
}

const addressVia = (host: string, port: number | undefined): string | undefined =>
  port === undefined ? undefined : `tcp://${host}:${port}`;
