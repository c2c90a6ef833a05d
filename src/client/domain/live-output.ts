/** The two channels of a command's output. */
export type OutputStream = 'stdout' | 'stderr';

/** A chunk of a command's output that is sent while the command runs. */
export interface OutputChunk {
  /** 1 for the first chunk of a job, whatever its channel; no number is left out. */
  readonly number: number;
  readonly stream: OutputStream;
  readonly data: Buffer;
  /** Bytes of output, of either channel, that were dropped between the previous chunk and this one. */
  readonly skipped: number;
}

/** Maximum size of a chunk. The end of a chunk may cut a character in two. */
const MAX_CHUNK_BYTES = 16 * 1024;

/** Maximum size of all buffered chunks. */
const BUFFER_BYTES = 64 * 1024;

/** Maximum size of a message without its output. */
const ENVELOPE_BYTES = 2048;

/** Returns the maximum size of a chunk in bytes if a message may have `maxBytes`. Messages encode chunks in base64. */
export const maxChunkBytes = (maxBytes: number): number =>
  Math.max(1, Math.min(MAX_CHUNK_BYTES, Math.floor(((maxBytes - ENVELOPE_BYTES) * 3) / 4)));

/** Maximum number of small parts in a chunk before they are joined. */
const MAX_PARTS = 256;

/** Output that becomes a chunk. `take` assigns its number; from then on it does not grow. */
interface BufferedChunk {
  readonly stream: OutputStream;
  parts: Buffer[];
  bytes: number;
  number: number | undefined;
  skipped: number;
}

/**
 * Buffers the latest output of a command, whether or not a reader follows it. Chunks that were sent stay in the buffer
 * while there is room, so that a new reader gets them again under the same numbers. If output comes faster than it is
 * sent, the oldest chunks are dropped: readers want the present, and the result contains the end of the output. Each
 * channel keeps its order, but one channel may overtake the other by a chunk.
 */
export class LiveOutputBuffer {
  /** Oldest first. */
  private readonly chunks: BufferedChunk[] = [];
  /** Index of the next chunk to take; the chunks before it have been taken. */
  private next = 0;
  private bufferedBytes = 0;
  /** Bytes that were dropped since the last number was assigned. */
  private skipped = 0;
  private lastNumber = 0;
  /** The chunk that `take` returned last, if that call assigned its number. */
  private lastNumbered: BufferedChunk | undefined;

  /** `chunkBytes` is the maximum size of a chunk. */
  constructor(private readonly chunkBytes = MAX_CHUNK_BYTES) {}

  add(stream: OutputStream, data: Buffer): void {
    const open = this.findOpenChunk(stream, data.length);
    if (open !== undefined) {
      open.parts.push(Buffer.from(data)); // copied, because `data` may keep a much larger buffer in memory
      open.bytes += data.length;
      if (open.parts.length > MAX_PARTS) open.parts = [Buffer.concat(open.parts)];
    } else {
      for (let start = 0; start < data.length; start += this.chunkBytes) {
        const part = Buffer.from(data.subarray(start, start + this.chunkBytes));
        this.chunks.push({ stream, parts: [part], bytes: part.length, number: undefined, skipped: 0 });
      }
    }
    this.bufferedBytes += data.length;
    while (this.bufferedBytes > BUFFER_BYTES) this.dropOldest();
  }

  /** Returns the next chunk to send; undefined if there is none. */
  take(): OutputChunk | undefined {
    const chunk = this.chunks[this.next];
    if (chunk === undefined) return undefined;
    this.lastNumbered = chunk.number === undefined ? chunk : undefined;
    const number = (chunk.number ??= this.assignNumber(chunk));
    this.next++;
    return { number, stream: chunk.stream, data: Buffer.concat(chunk.parts), skipped: chunk.skipped };
  }

  /**
   * Puts the chunk that was taken last back to the front, because it was not sent. If it was dropped meanwhile, its
   * bytes count as skipped.
   */
  putBack({ number }: OutputChunk): void {
    const isBuffered = this.chunks[this.next - 1]?.number === number;
    if (isBuffered) this.next--;
    if (this.lastNumbered?.number !== number) return;
    this.lastNumber--;
    this.skipped += this.lastNumbered.skipped + (isBuffered ? 0 : this.lastNumbered.bytes);
    this.lastNumbered.number = undefined;
    this.lastNumbered = undefined;
  }

  /** Makes `take` begin again with the oldest buffered chunk. */
  rewind(): void {
    this.next = 0;
  }

  get isEmpty(): boolean {
    return this.next === this.chunks.length;
  }

  /** Returns the chunk that more output can be appended to: one of the last two, with room and without a number. */
  private findOpenChunk(stream: OutputStream, bytes: number): BufferedChunk | undefined {
    const latest = this.chunks.slice(-2).findLast((chunk) => chunk.stream === stream);
    const hasRoom = latest?.number === undefined && (latest?.bytes ?? 0) + bytes <= this.chunkBytes;
    return hasRoom ? latest : undefined;
  }

  private assignNumber(chunk: BufferedChunk): number {
    chunk.skipped = this.skipped;
    this.skipped = 0;
    return ++this.lastNumber;
  }

  private dropOldest(): void {
    const first = this.chunks.shift();
    if (first === undefined) return;
    this.bufferedBytes -= first.bytes;
    if (first.number === undefined) this.skipped += first.bytes;
    if (this.next > 0) this.next--;
  }
}
