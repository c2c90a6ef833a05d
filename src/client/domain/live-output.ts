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

/** Longest chunk, and how much is kept, in bytes. A character may be cut by the end of a chunk. */
const MOST_CHUNK_BYTES = 16 * 1024;
const KEPT_BYTES = 64 * 1024;

/** Bytes of a message that are not output: names, numbers and dates. */
const ENVELOPE_BYTES = 2048;

/** How long a chunk may be, in bytes, where a message may have `maxBytes`: it travels in base64. */
export const chunkBytesFor = (maxBytes: number): number =>
  Math.max(1, Math.min(MOST_CHUNK_BYTES, Math.floor(((maxBytes - ENVELOPE_BYTES) * 3) / 4)));

/** So many small parts may make up a chunk before they are joined. */
const MOST_PARTS = 256;

/** Output that will be a chunk; once it was taken it has a number and does not change any more. */
interface Piece {
  readonly stream: OutputStream;
  parts: Buffer[];
  bytes: number;
  number: number | undefined;
  skipped: number;
}

/**
 * The latest output of a command, whether or not anybody watches. What was taken to be sent stays as long as there is
 * room, so that it can be sent once more, under the same numbers, to somebody who begins to watch or missed it. Of what
 * comes faster than it is taken the oldest is let go: who watches wants to see what happens now, and the end of all
 * comes with the result. The channels keep their own order each; they may overtake one another by a chunk.
 */
export class LiveOutput {
  /** Oldest first; those before `next` have been taken. */
  private readonly kept: Piece[] = [];
  private next = 0;
  private keptBytes = 0;
  private skipped = 0;
  private numbered = 0;
  /** The piece that was taken last, if it was for the first time. */
  private fresh: Piece | undefined;

  /** No chunk has more than `chunkBytes`. */
  constructor(private readonly chunkBytes = MOST_CHUNK_BYTES) {}

  add(stream: OutputStream, data: Buffer): void {
    const open = this.openPiece(stream, data.length);
    if (open !== undefined) {
      open.parts.push(Buffer.from(data)); // a copy, for a part may hold much more in memory
      open.bytes += data.length;
      if (open.parts.length > MOST_PARTS) open.parts = [Buffer.concat(open.parts)];
    } else {
      for (let start = 0; start < data.length; start += this.chunkBytes) {
        const part = Buffer.from(data.subarray(start, start + this.chunkBytes));
        this.kept.push({ stream, parts: [part], bytes: part.length, number: undefined, skipped: 0 });
      }
    }
    this.keptBytes += data.length;
    while (this.keptBytes > KEPT_BYTES) this.letGoOfFirst();
  }

  /** Takes what is to be sent next; undefined where nothing waits. */
  take(): OutputChunk | undefined {
    const piece = this.kept[this.next];
    if (piece === undefined) return undefined;
    this.fresh = piece.number === undefined ? piece : undefined;
    const number = (piece.number ??= this.giveNumber(piece));
    this.next++;
    return { number, stream: piece.stream, data: Buffer.concat(piece.parts), skipped: piece.skipped };
  }

  /** The chunk that was taken last could not be sent: it comes first again, unless it had to be let go meanwhile. */
  giveBack({ number }: OutputChunk): void {
    const isKept = this.kept[this.next - 1]?.number === number;
    if (isKept) this.next--;
    if (this.fresh?.number !== number) return;
    this.numbered--;
    this.skipped += this.fresh.skipped + (isKept ? 0 : this.fresh.bytes);
    this.fresh.number = undefined;
    this.fresh = undefined;
  }

  /** All that is kept is to be sent, whether or not it was before. */
  rewind(): void {
    this.next = 0;
  }

  get isEmpty(): boolean {
    return this.next === this.kept.length;
  }

  /** Where more of a channel can go: to its latest chunk, if that is one of the last two and has no number yet. */
  private openPiece(stream: OutputStream, bytes: number): Piece | undefined {
    const latest = this.kept.slice(-2).findLast((piece) => piece.stream === stream);
    const hasRoom = latest?.number === undefined && (latest?.bytes ?? 0) + bytes <= this.chunkBytes;
    return hasRoom ? latest : undefined;
  }

  private giveNumber(piece: Piece): number {
    piece.skipped = this.skipped;
    this.skipped = 0;
    return ++this.numbered;
  }

  private letGoOfFirst(): void {
    const first = this.kept.shift();
    if (first === undefined) return;
    this.keptBytes -= first.bytes;
    if (first.number === undefined) this.skipped += first.bytes;
    if (this.next > 0) this.next--;
  }
}
