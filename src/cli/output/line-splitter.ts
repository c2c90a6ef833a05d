/** A line that has no end yet is printed when it is longer than so many characters. */
const LONGEST_UNFINISHED = 8_192;

/** Makes lines of bytes that come piece by piece, and may be cut in the middle of a line or of a character. */
export class LineSplitter {
  private decoder = new TextDecoder();
  private unfinished = '';

  /** The lines that are whole with this piece, without their ends. */
  take(bytes: Uint8Array): string[] {
    const lines = (this.unfinished + this.decoder.decode(bytes, { stream: true })).split('\n');
    this.unfinished = lines.pop() ?? '';
    const whole = lines.map((line) => line.replace(/\r$/, ''));
    return this.unfinished.length > LONGEST_UNFINISHED ? [...whole, this.cut()] : whole;
  }

  /** What is there of a line that will have no end. */
  end(): string[] {
    this.unfinished += this.decoder.decode();
    return this.unfinished === '' ? [] : [this.cut()];
  }

  private cut(): string {
    const line = this.unfinished;
    this.unfinished = '';
    return line;
  }
}
