import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Publisher, Router } from 'zeromq';
import { readSignedHeaders } from '../../../src/shared/protocol/chef-signature/signed-headers.js';
import { verifyRequest } from '../../../src/shared/protocol/chef-signature/verify-request.js';
import type { ClientMessage } from '../../../src/shared/protocol/client-message.js';
import type { ConfigDocument } from '../../../src/shared/protocol/config-document.js';
import { generateCurveKeyPair } from '../../../src/shared/protocol/curve-key.js';
import { decodeClientMessage, encodeFrame } from '../../../src/shared/protocol/frame-codec.js';
import { formatHeader, parseHeader } from '../../../src/shared/protocol/frame-header.js';
import { signRsa, verifyHmac } from '../../../src/shared/protocol/frame-signature.js';
import type { NodeCommand } from '../../../src/shared/protocol/server-message.js';
import { encryptSessionKey } from '../../../src/shared/protocol/session-key.js';
import { formatRfc1123 } from '../../../src/shared/protocol/wire-time.js';
import { eventually } from '../../support/eventually.js';

const INTERVAL_MS = 200;

/**
 * A double of the server for one node: hands out its config, sends heartbeats, sends the commands that a test tells it
 * to and keeps what the node says. It knows the wire protocol, but nothing of jobs, states or a database.
 */
export class StandInServer {
  readonly sessionKey = randomBytes(32);
  readonly incarnationId = randomUUID();
  /** What came from the node and verified, in order. */
  readonly messages: ClientMessage[] = [];
  /** How many messages did not verify. */
  refused = 0;
  /** Replaced by a test that wants heartbeats of a stranger. */
  heartbeatKey: KeyObject;

  private readonly rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  private readonly router = new Router({ linger: 0 });
  private readonly publisher = new Publisher({ linger: 0 });
  private readonly http: Server;
  private curvePublicKey = '';
  private identity: Buffer | undefined;
  private sequence = 0;
  private beats = 0;
  private beating: NodeJS.Timeout | undefined;

  private constructor(private readonly nodeKey: KeyObject) {
    this.heartbeatKey = this.rsa.privateKey;
    this.http = createServer((request, response) => this.answerConfig(request, response));
  }

  /** Starts one for the node with this private key. */
  static async start(nodePrivateKey: KeyObject): Promise<StandInServer> {
    const server = new StandInServer(createPublicKey(nodePrivateKey));
    const curve = await generateCurveKeyPair();
    server.curvePublicKey = curve.publicKey;
    server.router.curveServer = true;
    server.router.curveSecretKey = curve.secretKey;
    await server.router.bind('tcp://127.0.0.1:*');
    await server.publisher.bind('tcp://127.0.0.1:*');
    await once(server.http.listen(0, '127.0.0.1'), 'listening');
    void server.read();
    server.startBeating();
    return server;
  }

  /** Sends a heartbeat each interval from now on. */
  startBeating(): void {
    this.beating = setInterval(() => void this.beat(), INTERVAL_MS);
  }

  /** Sends no more heartbeats. */
  stopBeating(): void {
    clearInterval(this.beating);
  }

  /** Base URL of its REST API. */
  get url(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  /** Sends a command to the node that spoke last, signed with the session key or another. */
  async send(command: NodeCommand, key: Uint8Array = this.sessionKey): Promise<void> {
    const message = { ...command, sequence: ++this.sequence, timestamp: formatRfc1123(Date.now()) };
    if (this.identity === undefined) throw new Error('no node has spoken yet');
    await this.router.send([this.identity, ...encodeFrame(key, message)]);
  }

  /** Waits for a message of this type from the node, beyond the first `after`. */
  message<T extends ClientMessage['type']>(type: T, after = 0): Promise<Extract<ClientMessage, { type: T }>> {
    const isIt = (message: ClientMessage): message is Extract<ClientMessage, { type: T }> =>
      message.type === type;
    return eventually(() => this.messages.slice(after).find(isIt), { withinMs: 40_000 });
  }

  /** Ends all that it does. */
  async close(): Promise<void> {
    this.stopBeating();
    this.router.close();
    this.publisher.close();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  private answerConfig(request: IncomingMessage, response: ServerResponse): void {
    const headers = readSignedHeaders(request.headers, Date.now());
    const { method = '', url: path = '' } = request;
    if (!headers.ok || !verifyRequest(headers.value, { method, path, body: Buffer.alloc(0) }, this.nodeKey)) {
      response.writeHead(401).end('{"error":["not the node"]}');
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(this.config()));
  }

  private config(): ConfigDocument {
    return {
      type: 'config',
      push_jobs: {
        heartbeat: {
          out_addr: this.publisher.lastEndpoint ?? '',
          command_addr: this.router.lastEndpoint ?? '',
          interval: INTERVAL_MS / 1000,
          offline_threshold: 3,
          online_threshold: 2,
        },
      },
      public_key: this.rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      curve_public_key: this.curvePublicKey,
      encoded_session_key: {
        method: 'hmac_sha256',
        key: encryptSessionKey(this.nodeKey, this.sessionKey),
      },
      lifetime: 3600,
      incarnation_id: this.incarnationId,
    };
  }

  private async read(): Promise<void> {
    for await (const [identity, header, body] of this.router) {
      const parsed = parseHeader(header ?? Buffer.alloc(0));
      const isGenuine =
        parsed.ok && body !== undefined && verifyHmac(this.sessionKey, body, parsed.value.signature);
      const message = isGenuine ? decodeClientMessage(body) : undefined;
      if (message?.ok) {
        this.identity = identity;
        this.messages.push(message.value);
      } else {
        this.refused++;
      }
    }
  }

  private async beat(): Promise<void> {
    const body = JSON.stringify({
      type: 'heartbeat',
      sequence: ++this.beats,
      timestamp: formatRfc1123(Date.now()),
      server: '127.0.0.1',
      incarnation_id: this.incarnationId,
    });
    await this.publisher.send([formatHeader('rsa2048_sha1', signRsa(this.heartbeatKey, body)), body]);
  }
}
