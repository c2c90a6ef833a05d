/** The two channels of a command's output. */
export type OutputStream = 'stdout' | 'stderr';

/** A piece of a command's output, as it is sent while the command runs. */
export interface OutputChunk {
  /** From 1, one after the other, over both channels of a job. */
  readonly number: number;
  readonly stream: OutputStream;
  readonly data: Buffer;
  /** Bytes of output, of either channel, that were let go between the chunk before and this one. */
  readonly skipped: number;
}

/** Longest chunk, and how much may wait to be sent, in bytes. A character may be cut by the end of a chunk. */
const CHUNK_BYTES = 16 * 1024;
const WAITING_BYTES = 64 * 1024;

/**
 * Output that waits to be sent while the command runs. Where it comes faster than it can be sent the oldest is let go:
 * who watches wants to see what happens now, and the end of all comes with the result.
 */
export class LiveOutput {
  private readonly waiting: { readonly stream: OutputStream; data: Buffer }[] = [];
  private waitingBytes = 0;
  private skipped = 0;
  private sent = 0;

  add(stream: OutputStream, data: Buffer): void {
    const last = this.waiting.at(-1);
    if (last?.stream === stream && last.data.length + data.length <= CHUNK_BYTES) {
      last.data = Buffer.concat([last.data, data]);
    } else {
      for (let start = 0; start < data.length; start += CHUNK_BYTES) {
        this.waiting.push({ stream, data: Buffer.from(data.subarray(start, start + CHUNK_BYTES)) });
      }
    }
    this.waitingBytes += data.length;
    while (this.waitingBytes > WAITING_BYTES) this.skipped += this.takeFirst();
  }

  /** Takes what is to be sent next; undefined where nothing waits. */
  take(): OutputChunk | undefined {
    const [first] = this.waiting;
    if (first === undefined) return undefined;
    const chunk = { ...first, number: ++this.sent, skipped: this.skipped };
    this.takeFirst();
    this.skipped = 0;
    return chunk;
  }

  /** The chunk that was taken last could not be sent: it comes first again. */
  giveBack({ stream, data, skipped }: OutputChunk): void {
    this.waiting.unshift({ stream, data });
    this.waitingBytes += data.length;
    this.skipped += skipped;
    this.sent--;
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  private takeFirst(): number {
    const bytes = this.waiting.shift()?.data.length ?? 0;
    this.waitingBytes -= bytes;
    return bytes;
  }
}
