import { decodeCurveKey } from '../../protocol/curve-key.js';
import { loadHelloOpener } from '../../protocol/curve-hello.js';
import { type CurveBackend, CurveFront } from '../curve-front/curve-front.js';
import {
  type CommandRouterEvents,
  CommandRouterSocket,
  type CommandRouterSocketOptions,
  type CommandSocket,
  type SendOutcome,
} from './command-router-socket.js';
import { LISTENER_OPTIONS } from './socket-options.js';

export interface TwoKeyRouterOptions extends CommandRouterSocketOptions {
  /** Z85: the key of before, which counts until `endPrevious`. */
  readonly previousCurveSecretKey: string;
}

export interface TwoKeyRouterEvents extends CommandRouterEvents {
  /** A connection was closed since it did not ask for one of our keys by CurveZMQ, or took too long to. */
  readonly refused: () => void;
  /** How many connections there are by the key of before, when that has changed. */
  readonly previousConnections: (count: number) => void;
}

/** Connections that may be shaking hands: far more than do so at once when all nodes come back after a restart. */
const MAX_PENDING = 4096;

/** Free ports of this machine, for connections that come by the front. */
const BEHIND = 'tcp://127.0.0.1:*';

/**
 * The server's end of the command channel while two Curve keys count. A listener of ZeroMQ has one key, and people have
 * opened one port for us: so each key has a ROUTER of its own, and a front at that port leads each client to the one
 * whose key it knows us by. To the identity of a connection a first byte is added, that of its ROUTER.
 */
export class TwoKeyRouterSocket implements CommandSocket {
  private readonly current: CommandRouterSocket;
  private readonly previous: CommandRouterSocket;
  private front: CurveFront | undefined;
  private previousBackend: CurveBackend | undefined;

  constructor(
    private readonly options: TwoKeyRouterOptions,
    private readonly events: TwoKeyRouterEvents,
  ) {
    this.current = this.createRouter(options.curveSecretKey, Buffer.of(0));
    this.previous = this.createRouter(options.previousCurveSecretKey, Buffer.of(1));
  }

  async listen(address: string): Promise<string> {
    const { curveSecretKey, previousCurveSecretKey } = this.options;
    const { previousConnections, refused, fault } = this.events;
    const current = backendOf(curveSecretKey, await this.current.listen(BEHIND));
    const previous = backendOf(previousCurveSecretKey, await this.previous.listen(BEHIND));
    this.previousBackend = previous;
    this.front = new CurveFront({
      backends: [current, previous],
      opens: await loadHelloOpener(),
      handshakeMs: LISTENER_OPTIONS.handshakeInterval,
      maxPending: MAX_PENDING,
      backlog: LISTENER_OPTIONS.backlog,
      keepaliveIdle: LISTENER_OPTIONS.tcpKeepaliveIdle,
      refused,
      connections: (backend, count) => backend === previous && previousConnections(count),
      fault,
    });
    return this.front.listen(address);
  }

  /** Takes the key of before no more, and ends the connections by it; resolves to how many there were. */
  async endPrevious(): Promise<number> {
    const ended = this.previousBackend === undefined ? 0 : this.front?.drop(this.previousBackend);
    await this.previous.close();
    return ended ?? 0;
  }

  send(identity: Buffer, header: string, body: Buffer): Promise<SendOutcome> {
    const router = identity[0] === 0 ? this.current : this.previous;
    return router.send(identity.subarray(1), header, body);
  }

  async close(): Promise<void> {
    await this.front?.close();
    await Promise.all([this.current.close(), this.previous.close()]);
  }

  private createRouter(curveSecretKey: string, tag: Buffer): CommandRouterSocket {
    const { message, fault } = this.events;
    return new CommandRouterSocket(
      { ...this.options, curveSecretKey },
      {
        message: ([identity = Buffer.alloc(0), ...frames]) =>
          message([Buffer.concat([tag, identity]), ...frames]),
        fault,
      },
    );
  }
}

const backendOf = (secretKey: string, address: string): CurveBackend => ({
  secretKey: decodeCurveKey(secretKey) ?? Buffer.alloc(0),
  port: Number(new URL(address).port),
});
