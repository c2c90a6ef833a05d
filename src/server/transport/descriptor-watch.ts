import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { messageOf } from '../../shared/lib/app-error.js';

/** A node has one connection to each channel. */
const PER_NODE = 2;

/** During a grace period the curve front needs two more for each connection to the command channel. */
const PER_NODE_WITH_FRONT = 4;

/** For HTTP, feeds, the database and files. */
const FOR_OTHERS = 1000;

const LIMITS_FILE = '/proc/self/limits';

const CHECK_INTERVAL_MS = 5_000;

/** Parts of the limit: descriptors are scarce from `SCARCE` on, until fewer than `ENOUGH` are open. */
const SCARCE = 0.95;
const ENOUGH = 0.9;

/** Returns how many file descriptors the server needs if this many nodes connect. */
export const descriptorsNeeded = (nodes: number, withFront: boolean): number =>
  nodes * (withFront ? PER_NODE_WITH_FRONT : PER_NODE) + FOR_OTHERS;

/**
 * Returns how many connections the heartbeat channel may have: half of what is left after a reserve for everything else,
 * so that strangers cannot use up the descriptors of nodes, database and HTTP.
 */
export const maxSubscribers = (openFiles: number | undefined): number =>
  openFiles === undefined ? Infinity : Math.floor(Math.max(openFiles - FOR_OTHERS, openFiles / 2) / PER_NODE);

/** Parses the limit of open files from the text of Linux' `/proc/self/limits`; undefined if it names no limit. */
export const openFilesLimit = (
  text = existsSync(LIMITS_FILE) ? readFileSync(LIMITS_FILE, 'utf8') : '',
): number | undefined => {
  const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1];
  return soft === undefined ? undefined : Number(soft);
};

/** Returns how many files this process has open; undefined if no descriptor is left to count them with. */
const countOpenFiles = (): number | undefined => {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch (thrown) {
    if (messageOf(thrown).startsWith('EMFILE')) return undefined;
    throw thrown;
  }
};

/**
 * Logs when file descriptors become scarce and when they no longer are, once each. Without descriptors connections are
 * refused, and neither Node.js nor ZeroMQ reports that. Without a known limit it does nothing.
 */
export class DescriptorWatch {
  private timer: NodeJS.Timeout | undefined;
  private isScarce = false;

  constructor(
    private readonly limit: number | undefined,
    private readonly logger: Logger,
    private readonly count: () => number | undefined = countOpenFiles,
  ) {}

  /** Warns if the limit is too low for this many nodes, and begins to check. */
  start(nodes: number, withFront: boolean): void {
    const { limit } = this;
    if (limit === undefined) return;
    const needed = descriptorsNeeded(nodes, withFront);
    if (limit < needed) {
      // Node.js has already raised the soft limit to the hard one, so only an administrator can raise it further.
      this.logger.warn(
        { limit, needed, nodes },
        'the limit of open files is too low for all nodes to connect at once; raise it (systemd: LimitNOFILE)',
      );
    }
    this.timer = setInterval(() => this.check(limit), CHECK_INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private check(limit: number): void {
    const open = this.count() ?? limit;
    if (!this.isScarce && open >= limit * SCARCE) {
      this.isScarce = true;
      this.logger.error(
        { open, limit },
        'file descriptors are nearly used up, connections will be refused; raise the limit (systemd: LimitNOFILE)',
      );
    } else if (this.isScarce && open < limit * ENOUGH) {
      this.isScarce = false;
      this.logger.info({ open, limit }, 'enough file descriptors are free again');
    }
  }
}
