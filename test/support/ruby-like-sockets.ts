import { Dealer, Subscriber } from 'zeromq';
import type { ConfigDocument } from '../../src/shared/protocol/config-document.js';
import type { CurveKeyPair } from '../../src/shared/protocol/curve-key.js';
import { decodeCommandMessage, decodeServerHeartbeat } from '../../src/shared/protocol/frame-codec.js';
import { formatHeader, parseHeader } from '../../src/shared/protocol/frame-header.js';
import { signHmac, verifyHmac } from '../../src/shared/protocol/frame-signature.js';
import type { CommandMessage, ServerHeartbeat } from '../../src/shared/protocol/server-message.js';
import { formatRfc1123 } from '../../src/shared/protocol/wire-time.js';

/** What the Ruby client queues while the server is away; it drops further messages. */
const SEND_HIGH_WATER_MARK = 3;

export interface RubyLikeSocketsOptions {
  readonly document: ConfigDocument;
  readonly sessionKey: Uint8Array;
  readonly curve: CurveKeyPair;
  /** Fields that every message has. */
  readonly common: object;
  readonly reconnectMs: number;
  onCommand(command: CommandMessage): void;
  onHeartbeat(heartbeat: ServerHeartbeat): void;
  onConnected(): void;
  onDisconnected(): void;
}

/** One command and one heartbeat connection, with the socket options of the Ruby client. */
export class RubyLikeSockets {
  private readonly dealer: Dealer;
  private readonly subscriber: Subscriber;
  private sequence = 0;

  constructor(private readonly options: RubyLikeSocketsOptions) {
    const { document, curve, reconnectMs } = options;
    const { command_addr: commandAddress, out_addr: heartbeatAddress } = document.push_jobs.heartbeat;
    if (document.curve_public_key === undefined) throw new Error('the config has no curve_public_key');
    this.subscriber = new Subscriber({ linger: 0, reconnectInterval: reconnectMs });
    this.subscriber.connect(heartbeatAddress);
    this.subscriber.subscribe('');
    this.dealer = new Dealer({
      linger: 0,
      sendHighWaterMark: SEND_HIGH_WATER_MARK,
      sendTimeout: 0,
      reconnectInterval: reconnectMs,
      curveServerKey: document.curve_public_key,
      curvePublicKey: curve.publicKey,
      curveSecretKey: curve.secretKey,
    });
    this.dealer.events.on('handshake', () => options.onConnected());
    this.dealer.events.on('disconnect', () => options.onDisconnected());
    this.dealer.connect(commandAddress);
    void this.readHeartbeats();
    void this.readCommands();
  }

  /** Signs and queues a message; resolves to false if the queue is full and the message is dropped. */
  async send(fields: object): Promise<boolean> {
    this.sequence += 1;
    const body = JSON.stringify({
      ...this.options.common,
      sequence: this.sequence,
      timestamp: formatRfc1123(Date.now()),
      ...fields,
    });
    try {
      await this.dealer.send([formatHeader('hmac_sha256', signHmac(this.options.sessionKey, body)), body]);
      return true;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      throw thrown;
    }
  }

  /** Closes both connections; what is still queued is lost. */
  close(): void {
    this.dealer.close();
    this.subscriber.close();
  }

  private async readCommands(): Promise<void> {
    for await (const [header, body] of this.dealer) {
      const parsed = parseHeader(header ?? Buffer.alloc(0));
      if (body === undefined || !parsed.ok) continue;
      if (!verifyHmac(this.options.sessionKey, body, parsed.value.signature)) continue;
      const command = decodeCommandMessage(body);
      if (command.ok) this.options.onCommand(command.value);
    }
  }

  private async readHeartbeats(): Promise<void> {
    for await (const [, body] of this.subscriber) {
      const heartbeat = decodeServerHeartbeat(body ?? Buffer.alloc(0));
      if (heartbeat.ok) this.options.onHeartbeat(heartbeat.value);
    }
  }
}
