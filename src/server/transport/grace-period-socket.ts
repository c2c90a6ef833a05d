import type { Logger } from 'pino';
import type { PreviousKeys } from '../keys/keys.port.js';
import type { Clock } from '../../shared/lib/clock.js';
import { setLongTimer, type Timer } from '../../shared/lib/timer.js';
import type {
  CommandRouterEvents,
  CommandRouterSocketOptions,
  CommandSocket,
  SendOutcome,
} from '../../shared/platform/zmq/command-router-socket.js';
import { TwoKeyRouterSocket } from '../../shared/platform/zmq/two-key-router-socket.js';
import type { TransportCounters } from './transport-counters.js';

export interface GracePeriodSocketOptions extends CommandRouterSocketOptions {
  readonly previous: PreviousKeys;
  readonly counts: Pick<TransportCounters, 'refused' | 'previousKeyConnections'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The socket of the command channel during a grace period. Nodes can connect with the previous Curve key until the grace
 * period ends; then their connections are closed, and they fetch their config as after any loss of the server.
 */
export class GracePeriodSocket implements CommandSocket {
  private readonly socket: TwoKeyRouterSocket;
  private endTimer: Timer | undefined;

  constructor(
    private readonly options: GracePeriodSocketOptions,
    events: CommandRouterEvents,
  ) {
    const { previous, counts } = options;
    this.socket = new TwoKeyRouterSocket(
      { ...options, previousCurveSecretKey: previous.curve.secretKey },
      {
        ...events,
        refused: () => counts.refused++,
        previousConnections: (count) => (counts.previousKeyConnections = count),
      },
    );
  }

  async listen(address: string): Promise<string> {
    const { previous, clock, logger } = this.options;
    const bound = await this.socket.listen(address);
    this.endTimer = setLongTimer(previous.validUntil - clock.now(), () => void this.endGracePeriod());
    logger.info({ until: new Date(previous.validUntil) }, 'the previous keys are still accepted');
    return bound;
  }

  send(identity: Buffer, header: string, body: Buffer): Promise<SendOutcome> {
    return this.socket.send(identity, header, body);
  }

  async close(): Promise<void> {
    this.endTimer?.cancel();
    await this.socket.close();
  }

  private async endGracePeriod(): Promise<void> {
    const closed = await this.socket.retirePreviousKey();
    this.options.logger.info(
      { connections_closed: closed },
      'the previous keys are no longer accepted; the curve front is removed at the next start of the server',
    );
  }
}
