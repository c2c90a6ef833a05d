import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { NodeCommand } from '../../shared/protocol/server-message.js';
import { runSlice } from '../../shared/lib/time-slices.js';

/** The queue holds at most this many messages. */
const MAX_QUEUED = 500_000;

/** One command for many nodes. */
interface FanOut {
  readonly addresses: readonly NodeAddress[];
  /** The JSON of the command without its opening brace; it is the same for all nodes. */
  readonly commonPart: Buffer;
  next: number;
}

/**
 * Sends commands to many nodes in time slices, first in, first out, so that a command to ten thousand nodes does not
 * block the event loop.
 */
export class Outbox {
  private queue: FanOut[] = [];
  private queuedMessages = 0;
  private nextSlice: NodeJS.Immediate | undefined;
  private stopped = false;

  constructor(private readonly deliver: (address: NodeAddress, commonPart: Buffer) => void) {}

  /** Sends a command to each node in order, immediately if the queue is empty. */
  enqueue(addresses: readonly NodeAddress[], command: NodeCommand): 'queued' | 'full' | 'stopped' {
    if (this.stopped) return 'stopped';
    if (this.queuedMessages + addresses.length > MAX_QUEUED) return 'full';
    this.queue.push({ addresses, commonPart: Buffer.from(JSON.stringify(command).slice(1)), next: 0 });
    this.queuedMessages += addresses.length;
    if (this.nextSlice === undefined) this.sendSlice();
    return 'queued';
  }

  /** Drops what is queued; nothing is sent any more. */
  stop(): void {
    this.stopped = true;
    this.queue = [];
    clearImmediate(this.nextSlice);
  }

  private sendSlice(): void {
    this.nextSlice = undefined;
    if (runSlice(() => this.sendNext())) this.nextSlice = setImmediate(() => this.sendSlice());
  }

  private sendNext(): boolean {
    const [fanOut] = this.queue;
    if (fanOut === undefined) return false;
    const address = fanOut.addresses[fanOut.next++];
    if (address === undefined) {
      this.queue.shift();
      return true;
    }
    this.queuedMessages--;
    this.deliver(address, fanOut.commonPart);
    return true;
  }
}
