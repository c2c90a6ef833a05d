import { AppError } from '../app-error.js';

const BLANK = /[ \t\r]|\\\r?\n/y;
const COMMENT = /#[^\n]*/y;
const BLOCK_COMMENT = /=begin\b[\s\S]*?(?:\n=end[^\n]*|$)/y;

/** A place in the text of a settings file that moves forward as the text is read. */
export class SourceCursor {
  private at = 0;

  constructor(
    private readonly text: string,
    readonly file: string,
  ) {}

  /** The next character; empty at the end. */
  get next(): string {
    return this.text.charAt(this.at);
  }

  get atEnd(): boolean {
    return this.at >= this.text.length;
  }

  /** The number of the line, from 1. */
  get line(): number {
    return this.text.slice(0, this.at).split('\n').length;
  }

  /** Moves over one character and hands it back; fails at the end, which is inside of `what`. */
  take(what: string): string {
    if (this.atEnd) this.fail(`${what} has no end`);
    return this.text.charAt(this.at++);
  }

  /** Moves over this text if it comes next. */
  skip(expected: string): boolean {
    if (!this.text.startsWith(expected, this.at)) return false;
    this.at += expected.length;
    return true;
  }

  /** Moves over this text, or fails. */
  expect(expected: string): void {
    if (!this.skip(expected)) this.fail(`expected '${expected}', found ${this.describeNext()}`);
  }

  /** Moves over what a sticky pattern matches here and hands back its groups. */
  match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text) ?? undefined;
    if (found !== undefined) this.at += found[0].length;
    return found;
  }

  /** Whether a sticky pattern matches here, without moving. */
  looksAt(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    return pattern.test(this.text);
  }

  /** Moves over blanks within the line (a line that ends in `\` goes on). */
  skipBlanks(): void {
    while (this.match(BLANK) !== undefined);
  }

  /** Moves over blanks, ends of lines and comments. */
  skipSpace(): void {
    for (;;) {
      this.skipBlanks();
      const startsLine = this.at === 0 || this.text.charAt(this.at - 1) === '\n';
      if (startsLine && this.match(BLOCK_COMMENT) !== undefined) continue;
      if (this.match(COMMENT) === undefined && !this.skip('\n')) return;
    }
  }

  /** What comes next, for an error message. */
  describeNext(): string {
    const rest = this.text.slice(this.at, this.at + 30).split('\n', 1)[0] ?? '';
    if (this.atEnd) return 'the end of the file';
    return rest === '' ? 'the end of the line' : `'${rest}'`;
  }

  /** Throws an AppError that names file and line. */
  fail(problem: string): never {
    throw new AppError('settings_syntax', `${this.file}, line ${this.line}: ${problem}`);
  }
}
