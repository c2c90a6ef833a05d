import { AppError } from '../app-error.js';

const BLANK = /[ \t\r]|\\\r?\n/y;
const COMMENT = /#[^\n]*/y;
const BLOCK_COMMENT = /=begin\b[\s\S]*?(?:\n=end[^\n]*|$)/y;

/** A position in the text of a settings file that moves forward as the text is read. */
export class SourceCursor {
  private offset = 0;

  constructor(
    private readonly text: string,
    readonly file: string,
  ) {}

  /** The next character; empty at the end of the file. */
  get next(): string {
    return this.text.charAt(this.offset);
  }

  get atEnd(): boolean {
    return this.offset >= this.text.length;
  }

  /** The current line, from 1. */
  get line(): number {
    return this.text.slice(0, this.offset).split('\n').length;
  }

  /** Returns one character and moves over it; fails at the end of the file, because `what` is incomplete there. */
  take(what: string): string {
    if (this.atEnd) this.fail(`${what} has no end`);
    return this.text.charAt(this.offset++);
  }

  /** Moves over this text if it comes next. */
  skip(expected: string): boolean {
    if (!this.text.startsWith(expected, this.offset)) return false;
    this.offset += expected.length;
    return true;
  }

  /** Moves over this text; fails if it does not come next. */
  expect(expected: string): void {
    if (!this.skip(expected)) this.fail(`expected '${expected}', found ${this.describeNext()}`);
  }

  /** Moves over the match of a sticky pattern and returns it; undefined if it does not match here. */
  match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.offset;
    const found = pattern.exec(this.text) ?? undefined;
    if (found !== undefined) this.offset += found[0].length;
    return found;
  }

  /** Whether a sticky pattern matches here, without moving. */
  looksAt(pattern: RegExp): boolean {
    pattern.lastIndex = this.offset;
    return pattern.test(this.text);
  }

  /** Moves over blanks within the line (`\` continues a line). */
  skipBlanks(): void {
    while (this.match(BLANK) !== undefined);
  }

  /** Moves over blanks, line ends and comments. */
  skipSpace(): void {
    for (;;) {
      this.skipBlanks();
      const startsLine = this.offset === 0 || this.text.charAt(this.offset - 1) === '\n';
      if (startsLine && this.match(BLOCK_COMMENT) !== undefined) continue;
      if (this.match(COMMENT) === undefined && !this.skip('\n')) return;
    }
  }

  /** Describes what comes next, for an error message. */
  describeNext(): string {
    const rest = this.text.slice(this.offset, this.offset + 30).split('\n', 1)[0] ?? '';
    if (this.atEnd) return 'the end of the file';
    return rest === '' ? 'the end of the line' : `'${rest}'`;
  }

  /** Throws an AppError that names file and line. */
  fail(problem: string): never {
    throw new AppError('settings_syntax', `${this.file}, line ${this.line}: ${problem}`);
  }
}
