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
import type { TrafficCounts } from './traffic-counts.js';

export interface GracePeriodSocketOptions extends CommandRouterSocketOptions {
  readonly previous: PreviousKeys;
  readonly counts: Pick<TrafficCounts, 'refused' | 'previousKeyConnections'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The socket of the command channel of a server whose previous keys count when it starts: by their Curve key nodes can
 * connect until their time is over, and not a moment longer: the connections that there are by it are closed then. The
 * nodes that are left fetch their config, as after any loss of the server.
 */
export class GracePeriodSocket implements CommandSocket {
  private readonly socket: TwoKeyRouterSocket;
  private ending: Timer | undefined;

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
    this.ending = setLongTimer(previous.validUntil - clock.now(), () => void this.end());
    logger.info({ until: new Date(previous.validUntil) }, 'the keys before the last rotation count, too');
    return bound;
  }

  send(identity: Buffer, header: string, body: Buffer): Promise<SendOutcome> {
    return this.socket.send(identity, header, body);
  }

  async close(): Promise<void> {
    this.ending?.cancel();
    await this.socket.close();
  }

  private async end(): Promise<void> {
    const closed = await this.socket.endPrevious();
    this.options.logger.info(
      { connections_closed: closed },
      'the keys before the last rotation do not count any more; the next start of the server does without its front',
    );
  }
}
