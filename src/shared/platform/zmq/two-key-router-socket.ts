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
import { LISTENER_OPTIONS } from './socket-tools.js';

export interface TwoKeyRouterOptions extends CommandRouterSocketOptions {
  /** Z85. The key before the rotation, which is accepted until `retirePreviousKey`. */
  readonly previousCurveSecretKey: string;
}

export interface TwoKeyRouterEvents extends CommandRouterEvents {
  /** A connection was refused: its HELLO is for neither of our keys, is not CurveZMQ, or came too late. */
  readonly refused: () => void;
  /** The number of connections with the previous key has changed. */
  readonly previousConnections: (count: number) => void;
}

/** Maximum number of concurrent handshakes: far more than occur when all nodes reconnect after a restart. */
const MAX_PENDING = 4096;

/** A free port that only the front connects to. */
const BACKEND_ADDRESS = 'tcp://127.0.0.1:*';

/**
 * The server's end of the command channel while two Curve keys are accepted. A ZeroMQ listener has one key, but firewalls
 * open one port: so each key has its own ROUTER, and a curve front on that port routes each connection to the ROUTER
 * whose key the client expects. The first byte of a connection's identity names its ROUTER.
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
    const current = backendOf(curveSecretKey, await this.current.listen(BACKEND_ADDRESS));
    const previous = backendOf(previousCurveSecretKey, await this.previous.listen(BACKEND_ADDRESS));
    this.previousBackend = previous;
    this.front = new CurveFront({
      backends: [current, previous],
      opensHello: await loadHelloOpener(),
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

  /** Stops accepting the previous key and closes its connections; resolves to their number. */
  async retirePreviousKey(): Promise<number> {
    const closedCount =
      this.previousBackend === undefined ? 0 : this.front?.closeBackend(this.previousBackend);
    await this.previous.close();
    return closedCount ?? 0;
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
