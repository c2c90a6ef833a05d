import { Dealer, Subscriber } from 'zeromq';
import type { CurveKeyPair } from '../../src/shared/protocol/curve-key.js';
import { encodeFrame } from '../../src/shared/protocol/frame-codec.js';
import { parseHeader } from '../../src/shared/protocol/frame-header.js';
import { verifyHmac } from '../../src/shared/protocol/frame-signature.js';
import type { CommandMessage } from '../../src/shared/protocol/server-message.js';
import { formatRfc1123 } from '../../src/shared/protocol/wire-time.js';

/** Identity of a node, and the addresses it connects to. */
export interface LoadNodeOptions {
  readonly org: string;
  readonly node: string;
  readonly sessionKey: Uint8Array;
  readonly curve: CurveKeyPair;
  /** Z85. */
  readonly serverCurveKey: string;
  readonly commandAddress: string;
  /** Address of the server's heartbeats; without it the node does not listen for them. */
  readonly heartbeatAddress?: string;
  /** Duration of its commands in milliseconds. */
  readonly commandMs: number;
}

/** Counts of all nodes in one process. */
export interface LoadCounts {
  heartbeats: number;
  commands: number;
  serverHeartbeats: number;
  /** Messages that failed verification. */
  unverified: number;
}

/** Messages that a client's socket queues. See docs/spec/wire-protocol.md, "Sockets of the node client". */
const SEND_HIGH_WATER_MARK = 3;

/** A minimal client: it sends heartbeats, votes yes, succeeds after `commandMs`, and obeys `abort`. */
export class LoadNode {
  private readonly dealer: Dealer;
  private readonly subscriber: Subscriber | undefined;
  private readonly incarnation = crypto.randomUUID();
  private sequence = 0;
  private jobId: string | null = null;
  private jobState: 'idle' | 'committed' | 'running' = 'idle';
  private sending = Promise.resolve();
  private unsent = 0;

  constructor(
    private readonly options: LoadNodeOptions,
    private readonly counts: LoadCounts,
  ) {
    this.dealer = new Dealer({
      linger: 0,
      sendHighWaterMark: SEND_HIGH_WATER_MARK,
      receiveHighWaterMark: 0,
      curveServerKey: options.serverCurveKey,
      curvePublicKey: options.curve.publicKey,
      curveSecretKey: options.curve.secretKey,
    });
    this.dealer.connect(options.commandAddress);
    void this.readCommands();
    if (options.heartbeatAddress !== undefined) {
      this.subscriber = new Subscriber({ linger: 0 });
      this.subscriber.subscribe('');
      this.subscriber.connect(options.heartbeatAddress);
      void this.readHeartbeats(this.subscriber);
    }
  }

  /** Sends a heartbeat unless the send queue is full, which means that the server is unreachable. */
  sendHeartbeat(): void {
    if (this.unsent >= SEND_HIGH_WATER_MARK) return;
    this.counts.heartbeats++;
    this.send({ type: 'heartbeat', job_state: this.jobState, job_id: this.jobId });
  }

  close(): void {
    this.dealer.close();
    this.subscriber?.close();
  }

  private async readHeartbeats(subscriber: Subscriber): Promise<void> {
    for await (const [,] of subscriber) this.counts.serverHeartbeats++;
  }

  private async readCommands(): Promise<void> {
    for await (const [header, body] of this.dealer) {
      const parsed = header === undefined ? undefined : parseHeader(header);
      if (
        body === undefined ||
        parsed?.ok !== true ||
        !verifyHmac(this.options.sessionKey, body, parsed.value.signature)
      ) {
        this.counts.unverified++;
        continue;
      }
      this.counts.commands++;
      this.handleCommand(JSON.parse(body.toString()) as CommandMessage);
    }
  }

  private handleCommand(command: CommandMessage): void {
    switch (command.type) {
      case 'ack':
      case 'output_wanted': // never sent to a node without live output
      case 'result_stored': // never sent to a node that keeps no results
      case 'result_unknown':
        return;
      case 'abort':
        this.setState('idle', null);
        return this.send({ type: 'aborted', job_id: null });
      case 'commit':
        this.setState('committed', command.job_id);
        return this.send({ type: 'ack_commit', job_id: command.job_id });
      case 'run':
        this.setState('running', command.job_id);
        this.send({ type: 'ack_run', job_id: command.job_id });
        if (this.options.commandMs === 0) this.succeed(command.job_id);
        else setTimeout(() => this.succeed(command.job_id), this.options.commandMs);
    }
  }

  private succeed(jobId: string): void {
    this.setState('idle', null);
    this.send({ type: 'succeeded', job_id: jobId });
  }

  private setState(state: LoadNode['jobState'], jobId: string | null): void {
    this.jobState = state;
    this.jobId = jobId;
  }

  private send(fields: object): void {
    const { node, org, sessionKey } = this.options;
    const frame = encodeFrame(sessionKey, {
      node,
      client: `${node}.example.com`,
      protocol_version: '2.0',
      org,
      sequence: ++this.sequence,
      timestamp: formatRfc1123(Date.now()),
      incarnation_id: this.incarnation,
      ...fields,
    });
    this.unsent++;
    this.sending = this.sending.then(() => this.sendFrame(frame));
  }

  private async sendFrame(frame: readonly string[]): Promise<void> {
    try {
      if (!this.dealer.closed) await this.dealer.send([...frame]);
    } catch (thrown) {
      if (!this.dealer.closed) throw thrown;
    } finally {
      this.unsent--;
    }
  }
}
