import { LiveOutput, type OutputChunk, type OutputStream } from '../domain/live-output.js';

/** Chunks that are sent at a time: as a rule there is one of each channel. */
const AT_A_TIME = 2;

/**
 * Sends the output of one command while it runs, as long as the server wants it: a few chunks at a time, in order.
 *
 * resting   nobody wants output; the latest is kept.  → sending by a pace, from the oldest that is kept
 * sending   a few chunks go out each `everyMs`.       → resting by the pace 0
 * finishing the command has ended: what waits goes out at once where it is wanted, and that is the end.
 */
export class LiveOutputSender {
  private readonly output: LiveOutput;
  private pace = 0;
  private timer: NodeJS.Timeout | undefined;
  private sending: Promise<void> = Promise.resolve();
  private finishing = false;

  /**
   * `send` resolves to whether the chunk, of at most `chunkBytes`, is on its way; otherwise it is tried again. It must
   * not reject.
   */
  constructor(
    private readonly send: (chunk: OutputChunk) => Promise<boolean>,
    chunkBytes?: number,
  ) {
    this.output = new LiveOutput(chunkBytes);
  }

  /** Milliseconds from one time that output is sent to the next; 0 where none is. */
  get everyMs(): number {
    return this.pace;
  }

  add(stream: OutputStream, data: Buffer): void {
    this.output.add(stream, data);
    this.sendIn(this.pace);
  }

  /** From now on a few chunks are sent each `everyMs` milliseconds, or none where it is 0. */
  setPace(everyMs: number): void {
    const begins = this.pace === 0;
    this.pace = everyMs;
    clearTimeout(this.timer);
    this.timer = undefined;
    if (begins) this.output.rewind();
    this.sendIn(begins ? 0 : everyMs);
  }

  /** Sends what still waits, as far as it is wanted and there is room for it at once; the rest is let go. */
  async finish(): Promise<void> {
    this.finishing = true;
    clearTimeout(this.timer);
    await this.sending;
    while (await this.sendOne());
  }

  private sendIn(ms: number): void {
    if (this.pace === 0 || this.finishing || this.output.isEmpty) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.sending = this.sending.then(() => this.sendSome());
    }, ms);
  }

  private async sendSome(): Promise<void> {
    for (let count = 0; count < AT_A_TIME && (await this.sendOne()); count++);
    this.sendIn(this.pace);
  }

  private async sendOne(): Promise<boolean> {
    const chunk = this.pace === 0 ? undefined : this.output.take();
    if (chunk === undefined) return false;
    const isSent = await this.send(chunk);
    if (!isSent) this.output.giveBack(chunk);
    return isSent;
  }
}
