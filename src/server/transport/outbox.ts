import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { NodeCommand } from '../../shared/protocol/server-message.js';

/** Milliseconds that sending may keep everything else waiting. */
const SLICE_MS = 10;

/** How many messages are sent between two looks at the clock. */
const LOOK_EVERY = 16;

/** Messages that may wait here; a message is not sent where so many wait already. */
const MAX_WAITING = 500_000;

/** One command on its way to many nodes. */
interface FanOut {
  readonly addresses: readonly NodeAddress[];
  /** What all of them get: the JSON of the command without its opening brace. */
  readonly commonPart: Buffer;
  next: number;
}

/**
 * Sends commands to many nodes in slices, so that a command to ten thousand nodes does not keep the server from
 * reading what they answer. What is posted first is sent first.
 *
 * Modes: empty (what is posted is sent at once), waiting (the rest is sent in the next turns of the event loop, what
 * is posted meanwhile after it), stopped (nothing is sent any more).
 */
export class Outbox {
  private waiting: FanOut[] = [];
  private waitingMessages = 0;
  private turn: NodeJS.Immediate | undefined;
  private stopped = false;

  constructor(private readonly deliver: (address: NodeAddress, commonPart: Buffer) => void) {}

  /** Sends a command to each of these nodes, in their order, unless too much waits already or it was stopped. */
  post(addresses: readonly NodeAddress[], command: NodeCommand): 'posted' | 'full' | 'stopped' {
    if (this.stopped) return 'stopped';
    if (this.waitingMessages + addresses.length > MAX_WAITING) return 'full';
    this.waiting.push({ addresses, commonPart: Buffer.from(JSON.stringify(command).slice(1)), next: 0 });
    this.waitingMessages += addresses.length;
    if (this.turn === undefined) this.sendSlice();
    return 'posted';
  }

  /** Sends nothing more. */
  stop(): void {
    this.stopped = true;
    this.waiting = [];
    clearImmediate(this.turn);
  }

  private sendSlice(): void {
    const end = performance.now() + SLICE_MS;
    this.turn = undefined;
    for (let sent = 1; this.waiting[0] !== undefined; sent++) {
      this.sendNext(this.waiting[0]);
      if (sent % LOOK_EVERY === 0 && performance.now() > end) {
        this.turn = setImmediate(() => this.sendSlice());
        return;
      }
    }
  }

  private sendNext(fanOut: FanOut): void {
    const address = fanOut.addresses[fanOut.next++];
    if (address === undefined) {
      this.waiting.shift();
      return;
    }
    this.waitingMessages--;
    this.deliver(address, fanOut.commonPart);
  }
}
