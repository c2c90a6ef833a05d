import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Publisher, Router } from 'zeromq';
import { parseSignedHeaders } from '../../../src/shared/protocol/chef-signature/signed-headers.js';
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
 * A test double of the server for one node: it serves the config, sends heartbeats and the commands of the test, and
 * records messages of the node. It implements only the wire protocol.
 */
export class SimulatedServer {
  readonly sessionKey = randomBytes(32);
  readonly incarnationId = randomUUID();
  /** Received messages with a valid signature, in order. */
  readonly messages: ClientMessage[] = [];
  /** Number of messages that failed verification. */
  dropped = 0;
  /** Signs heartbeats; a test replaces it to send invalid ones. */
  heartbeatKey: KeyObject;

  private readonly rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  private readonly router = new Router({ linger: 0 });
  private readonly publisher = new Publisher({ linger: 0 });
  private readonly http: Server;
  private curvePublicKey = '';
  private identity: Buffer | undefined;
  private sequence = 0;
  private heartbeatsSent = 0;
  private heartbeatTimer: NodeJS.Timeout | undefined;

  private constructor(private readonly nodeKey: KeyObject) {
    this.heartbeatKey = this.rsa.privateKey;
    this.http = createServer((request, response) => this.respondWithConfig(request, response));
  }

  /** Starts a server for the node with this private key. */
  static async start(nodePrivateKey: KeyObject): Promise<SimulatedServer> {
    const server = new SimulatedServer(createPublicKey(nodePrivateKey));
    const curve = await generateCurveKeyPair();
    server.curvePublicKey = curve.publicKey;
    server.router.curveServer = true;
    server.router.curveSecretKey = curve.secretKey;
    await server.router.bind('tcp://127.0.0.1:*');
    await server.publisher.bind('tcp://127.0.0.1:*');
    await once(server.http.listen(0, '127.0.0.1'), 'listening');
    void server.read();
    server.startHeartbeats();
    return server;
  }

  /** Sends a heartbeat in every interval. */
  startHeartbeats(): void {
    this.heartbeatTimer = setInterval(() => void this.sendHeartbeat(), INTERVAL_MS);
  }

  stopHeartbeats(): void {
    clearInterval(this.heartbeatTimer);
  }

  /** Base URL of its REST API. */
  get url(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  /** Sends a command to the node of the latest message, signed with this key. */
  async send(command: NodeCommand, key: Uint8Array = this.sessionKey): Promise<void> {
    const waitForMessage = { ...command, sequence: ++this.sequence, timestamp: formatRfc1123(Date.now()) };
    if (this.identity === undefined)
      throw new Error('no message has arrived yet, so there is no route to the node');
    await this.router.send([this.identity, ...encodeFrame(key, waitForMessage)]);
  }

  /** Waits for a message of this type after the first `after` messages. */
  message<T extends ClientMessage['type']>(type: T, after = 0): Promise<Extract<ClientMessage, { type: T }>> {
    const isIt = (message: ClientMessage): message is Extract<ClientMessage, { type: T }> =>
      message.type === type;
    return eventually(() => this.messages.slice(after).find(isIt), { withinMs: 40_000 });
  }

  /** Stops heartbeats and closes all sockets. */
  async close(): Promise<void> {
    this.stopHeartbeats();
    this.router.close();
    this.publisher.close();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  private respondWithConfig(request: IncomingMessage, response: ServerResponse): void {
    const headers = parseSignedHeaders(request.headers, Date.now());
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
        this.dropped++;
      }
    }
  }

  private async sendHeartbeat(): Promise<void> {
    const body = JSON.stringify({
      type: 'heartbeat',
      sequence: ++this.heartbeatsSent,
      timestamp: formatRfc1123(Date.now()),
      server: '127.0.0.1',
      incarnation_id: this.incarnationId,
    });
    await this.publisher.send([formatHeader('rsa2048_sha1', signRsa(this.heartbeatKey, body)), body]);
  }
}
