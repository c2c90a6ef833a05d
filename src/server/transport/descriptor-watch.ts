import { readdirSync } from 'node:fs';
import type { Logger } from 'pino';
import { messageOf } from '../../shared/lib/app-error.js';

const LOOK_EVERY_MS = 5_000;

/** From this part of the limit on they are scarce; below the second one they are not any more. */
const SCARCE = 0.95;
const ENOUGH = 0.9;

/** Counts the files that this process has open; undefined where none is left to count them with. */
const countOpenFiles = (): number | undefined => {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch (thrown) {
    if (messageOf(thrown).startsWith('EMFILE')) return undefined;
    throw thrown;
  }
};

/**
 * Tells once when the process has nearly as many files open as it may, so that connections will be refused, and once
 * when that is over: neither Node.js nor ZeroMQ says a word of it.
 */
export class DescriptorWatch {
  private timer: NodeJS.Timeout | undefined;
  private isScarce = false;

  constructor(
    private readonly limit: number,
    private readonly logger: Logger,
    private readonly count: () => number | undefined = countOpenFiles,
  ) {}

  start(): void {
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Looks once. */
  look(): void {
    const { limit } = this;
    const open = this.count() ?? limit;
    if (!this.isScarce && open >= limit * SCARCE) {
      this.isScarce = true;
      this.logger.error(
        { open, limit },
        'nearly all files that may be open are: connections are refused; raise the limit (systemd: LimitNOFILE)',
      );
    } else if (this.isScarce && open < limit * ENOUGH) {
      this.isScarce = false;
      this.logger.info({ open, limit }, 'there is room for connections again');
    }
  }
}
