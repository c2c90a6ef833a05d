import { LiveOutputBuffer, type OutputChunk, type OutputStream } from '../domain/live-output.js';

/** Maximum number of chunks per interval: usually one of each channel. */
const BATCH_SIZE = 2;

/**
 * Sends the output of one command while it runs and while the server wants it: a few chunks per interval, in order.
 * See docs/spec/wire-protocol.md, "Capability `live_output`".
 *
 * paused     the interval is 0; the latest output is buffered.  → sending on another interval, from the oldest chunk
 * sending    a few chunks are sent in each interval.            → paused on the interval 0
 * finishing  the command has ended. Waiting chunks are sent at once if the server wants them; final.
 */
export class LiveOutputSender {
  private readonly output: LiveOutputBuffer;
  private currentIntervalMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private sending: Promise<void> = Promise.resolve();
  private finishing = false;

  /**
   * `send` resolves to whether the chunk was sent; otherwise it is sent again later. It must not reject. A chunk has at
   * most `chunkBytes`.
   */
  constructor(
    private readonly send: (chunk: OutputChunk) => Promise<boolean>,
    chunkBytes?: number,
  ) {
    this.output = new LiveOutputBuffer(chunkBytes);
  }

  /** Milliseconds between batches of output; 0 if none is sent. */
  get intervalMs(): number {
    return this.currentIntervalMs;
  }

  add(stream: OutputStream, data: Buffer): void {
    this.output.add(stream, data);
    this.scheduleSend(this.currentIntervalMs);
  }

  /** Sends a batch every `intervalMs` milliseconds from now on; 0 pauses. */
  setIntervalMs(intervalMs: number): void {
    const wasPaused = this.currentIntervalMs === 0;
    this.currentIntervalMs = intervalMs;
    clearTimeout(this.timer);
    this.timer = undefined;
    if (wasPaused) this.output.rewind();
    this.scheduleSend(wasPaused ? 0 : intervalMs);
  }

  /** Sends the waiting chunks if the server wants output. Stops at the first chunk that cannot be sent at once. */
  async finish(): Promise<void> {
    this.finishing = true;
    clearTimeout(this.timer);
    await this.sending;
    while (await this.sendOne());
  }

  private scheduleSend(delayMs: number): void {
    if (this.currentIntervalMs === 0 || this.finishing || this.output.isEmpty) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.sending = this.sending.then(() => this.sendBatch());
    }, delayMs);
  }

  private async sendBatch(): Promise<void> {
    for (let count = 0; count < BATCH_SIZE && (await this.sendOne()); count++);
    this.scheduleSend(this.currentIntervalMs);
  }

  private async sendOne(): Promise<boolean> {
    const chunk = this.currentIntervalMs === 0 ? undefined : this.output.take();
    if (chunk === undefined) return false;
    const isSent = await this.send(chunk);
    if (!isSent) this.output.putBack(chunk);
    return isSent;
  }
}
