/** A longer line is returned before its end arrives; in characters. */
const MAX_UNFINISHED_LENGTH = 8_192;

/** Splits a UTF-8 byte stream into lines; chunks may end in the middle of a line or of a character. */
export class LineSplitter {
  private decoder = new TextDecoder();
  private unfinished = '';

  /** Adds bytes and returns the lines that are now complete, without line breaks. */
  push(bytes: Uint8Array): string[] {
    const lines = (this.unfinished + this.decoder.decode(bytes, { stream: true })).split('\n');
    this.unfinished = lines.pop() ?? '';
    const complete = lines.map((line) => line.replace(/\r$/, ''));
    return this.unfinished.length > MAX_UNFINISHED_LENGTH ? [...complete, this.takeUnfinished()] : complete;
  }

  /** Returns the unfinished last line, if there is one. */
  end(): string[] {
    this.unfinished += this.decoder.decode();
    return this.unfinished === '' ? [] : [this.takeUnfinished()];
  }

  private takeUnfinished(): string {
    const line = this.unfinished;
    this.unfinished = '';
    return line;
  }
}
