/** Keeps the last bytes of a stream and counts the dropped ones. */
export class TailBuffer {
  private chunks: Buffer[] = [];
  private size = 0;
  private dropped = 0;

  /** `limit` is the maximum number of kept bytes. */
  constructor(private readonly limit: number) {}

  get droppedBytes(): number {
    return this.dropped;
  }

  add(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
    // Chunks are joined rarely, so that many small ones cost little; the buffer holds up to twice the limit.
    if (this.size > 2 * this.limit || this.chunks.length > 256) this.shrink();
  }

  /** Returns the kept end of the stream. It begins with a whole UTF-8 character. */
  end(): Buffer {
    this.shrink();
    const bytes = Buffer.concat(this.chunks);
    if (this.dropped === 0) return bytes;
    let start = 0;
    while (start < 3 && isContinuation(bytes[start])) start++;
    this.dropped += start;
    return bytes.subarray(start);
  }

  private shrink(): void {
    const all = Buffer.concat(this.chunks);
    const excess = Math.max(0, all.length - this.limit);
    this.dropped += excess;
    this.size = all.length - excess;
    // Copied, because a slice would keep the whole buffer in memory.
    this.chunks = [excess > 0 ? Buffer.from(all.subarray(excess)) : all];
  }
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;
