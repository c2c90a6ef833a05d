import { LiveOutput, type OutputChunk, type OutputStream } from '../domain/live-output.js';

/** How often output is sent while a command runs, in milliseconds, and how many chunks at a time. */
const EVERY_MS = 250;
const AT_A_TIME = 2;

/** Sends the output of one command while it runs, a few chunks each quarter of a second, in order. */
export class LiveOutputSender {
  private readonly output = new LiveOutput();
  private timer: NodeJS.Timeout | undefined;
  private sending: Promise<void> = Promise.resolve();
  private finishing = false;

  /** `send` resolves to whether the chunk is on its way; otherwise it is tried again. It must not reject. */
  constructor(private readonly send: (chunk: OutputChunk) => Promise<boolean>) {}

  add(stream: OutputStream, data: Buffer): void {
    this.output.add(stream, data);
    this.sendSoon();
  }

  private sendSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.sending = this.sending.then(() => this.sendSome());
    }, EVERY_MS);
  }

  /** Sends what still waits, as far as there is room for it at once; what there is no room for is let go. */
  async finish(): Promise<void> {
    this.finishing = true;
    clearTimeout(this.timer);
    await this.sending;
    while (await this.sendOne());
  }

  private async sendSome(): Promise<void> {
    for (let count = 0; count < AT_A_TIME && (await this.sendOne()); count++);
    if (!this.output.isEmpty && !this.finishing) this.sendSoon();
  }

  private async sendOne(): Promise<boolean> {
    const chunk = this.output.take();
    if (chunk === undefined) return false;
    const isSent = await this.send(chunk);
    if (!isSent) this.output.giveBack(chunk);
    return isSent;
  }
}
