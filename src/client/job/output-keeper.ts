/** Keeps the last bytes of a stream, bounded, and counts those that it let go. */
export class OutputKeeper {
  private chunks: Buffer[] = [];
  private kept = 0;
  private dropped = 0;

  /** `limit` is in bytes. */
  constructor(private readonly limit: number) {}

  /** Bytes that were let go. */
  get lost(): number {
    return this.dropped;
  }

  add(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.kept += chunk.length;
    // Joined only now and then, so that many small chunks cost little; up to twice the limit is held.
    if (this.kept > 2 * this.limit || this.chunks.length > 256) this.shrink();
  }

  /** What is kept: the end of the stream, beginning with a whole UTF-8 character. */
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
    this.kept = all.length - excess;
    // A copy, for a part would hold the whole in memory.
    this.chunks = [excess > 0 ? Buffer.from(all.subarray(excess)) : all];
  }
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;
