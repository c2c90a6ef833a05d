import { AppError } from '../../shared/lib/app-error.js';

/** How the shell treats the text around a reference. In arithmetic it evaluates the value. */
export type Quoting = 'none' | 'single' | 'double' | 'arithmetic';

/** A here-document whose text begins after the current line. */
interface HereDocument {
  readonly delimiter: string;
  readonly isQuoted: boolean;
  readonly ignoresTabs: boolean;
}

const HERE_DOCUMENT = /<<(-?)[ \t]*((?:[^\s;&|()<>\\'"`$]|\\[^\n]|'[^'\n]*'|"[^"\\$`\n]*")+)/y;

/** What precedes the word in `${…}` if the shell does not evaluate the word; the group holds `#` or `%` of a pattern. */
const PARAMETER_AND_OPERATOR = /(?:[A-Za-z_]\w*|\d+|[@*#?$!-])(?:(##?|%%?)|:?[-=+?])/y;

/** Commands of bash that evaluate words as arithmetic, which can run commands. */
const EVALUATING_COMMANDS: ReadonlySet<string> = new Set(['[[', 'let']);

const REFERENCE = /\\(\d)/g;

/**
 * Replaces the references `\0` to `\9` in a shell command line. It follows quotes, comments, substitutions and
 * here-documents up to the last reference. Throws an AppError at constructs that shells read differently or whose
 * references they evaluate.
 */
export class ShellScanner {
  private position = 0;
  private output = '';
  /** End of the line, or of the backticks that are being scanned. */
  private limit: number;
  private readonly lastReference: number;
  private substitutions = 0;
  private arithmetics = 0;

  /** `replacement` returns the text for a reference. */
  constructor(
    private readonly line: string,
    private readonly replacement: (group: number, quoting: Quoting) => string,
  ) {
    this.limit = line.length;
    this.lastReference = [...line.matchAll(REFERENCE)].at(-1)?.index ?? -1;
  }

  scan(): string {
    this.scanScript();
    return this.output + this.line.slice(this.position);
  }

  /** Scans commands up to the limit, or to the bracket that ends their substitution. */
  private scanScript(end?: ')'): void {
    const documents: HereDocument[] = [];
    let openBrackets = 0;
    let word = ''; // the current word; a part in quotes or of an expansion counts as NUL
    while (this.isUnfinished()) {
      const next = this.next();
      if (/[ \t\n;&|()<>]/.test(next)) {
        this.checkWord(word);
        word = '';
        if (next === ')' && openBrackets === 0 && end !== undefined) return;
        if (next === '(') openBrackets++;
        if (next === ')' && openBrackets > 0) openBrackets--;
        this.scanOperator(next, documents);
      } else if (next === '#' && word === '') this.copyUntil('\n');
      else if (next === '\\' && this.next(1) === '\n') this.scanContinuation();
      else {
        const start = this.position;
        word += this.scanWordPart(next);
        if (documents.length > 0 && this.line.slice(start, this.position).includes('\n'))
          throw unsupported('a line end within quotes or a substitution before a here-document');
      }
    }
  }

  private scanOperator(next: string, documents: HereDocument[]): void {
    if (next === '(' && this.next(1) === '(') throw unsupported('((');
    if (next === '<' && this.next(1) === '<') documents.push(this.scanHereDocumentStart());
    else {
      this.copy(1);
      if (next === '\n') for (const document of documents.splice(0)) this.scanHereDocument(document);
    }
  }

  /** Returns the character, or NUL for a part that is no plain character. */
  private scanWordPart(next: string): string {
    if (next === "'") this.scanSingleQuotes();
    else if (next === '"') this.scanDoubleQuotes();
    else if (!this.scanExpansion('none')) {
      this.copy(1);
      return next;
    }
    return '\0';
  }

  /** `ca\⏎se` is the word `case`, but shells do not agree on `$\⏎(`. */
  private scanContinuation(): void {
    if (/[$<(]$/.test(this.output)) throw unsupported('a backslash at the end of a line after $, < or (');
    this.copy(2);
  }

  /** Scans what has its meaning also within double quotes: references, escapes, `$…`, backticks. False for other text. */
  private scanExpansion(quoting: Quoting): boolean {
    const next = this.next();
    if (next === '\\') this.scanEscape(quoting);
    else if (next === '$') this.scanDollar(quoting);
    else if (next === '`') this.scanBackticks();
    else return false;
    return true;
  }

  private scanEscape(quoting: Quoting): void {
    const digit = /\d/.exec(this.next(1))?.[0];
    if (digit === undefined) {
      if (quoting === 'arithmetic') throw unsupported('a backslash in arithmetic');
      this.copy(2);
    } else {
      this.output += this.replacement(Number(digit), this.arithmetics > 0 ? 'arithmetic' : quoting);
      this.position += 2;
    }
  }

  private scanSingleQuotes(): void {
    const end = this.line.indexOf("'", this.position + 1);
    const text = this.line.slice(this.position, end === -1 || end >= this.limit ? this.limit : end + 1);
    this.output += text.replace(/\\(?:(\d)|[^'])/g, (token, digit?: string) =>
      digit === undefined ? token : this.replacement(Number(digit), 'single'),
    );
    this.position += text.length;
  }

  private scanDoubleQuotes(): void {
    this.copy(1);
    while (this.isUnfinished() && this.next() !== '"') if (!this.scanExpansion('double')) this.copy(1);
    this.copy(1);
  }

  private scanDollar(quoting: Quoting): void {
    const next = this.next(1);
    if (next === '(' && this.next(2) === '(') this.scanArithmetic();
    else if (next === '(') {
      this.copy(2);
      this.substitutions++;
      this.scanScript(')');
      this.substitutions--;
      this.copy(1);
    } else if (next === '{') this.scanBraces(quoting);
    else if (next === '[' || next === '\\' || (quoting === 'none' && /['"]/.test(next))) {
      if (next === '\\' && /[^\d\n]/.test(this.next(2))) this.copy(1);
      else throw unsupported(`$ before ${next}`);
    } else this.copy(/[$#?*@!\d-]/.test(next) ? 2 : 1);
  }

  private scanBraces(quoting: Quoting): void {
    this.copy(2);
    PARAMETER_AND_OPERATOR.lastIndex = this.position;
    const operator = PARAMETER_AND_OPERATOR.exec(this.line);
    this.copy(operator?.[0].length ?? 0);
    const start = this.position;
    while (this.isUnfinished() && this.next() !== '}') {
      const next = this.next();
      if (/["']/.test(next) && quoting !== 'none') throw unsupported('quotes in ${…} within double quotes');
      if (next === "'") this.scanSingleQuotes();
      else if (next === '"') this.scanDoubleQuotes();
      else if (!this.scanExpansion(quoting)) this.copy(1);
    }
    const isWord = operator !== null && (operator[1] === undefined || quoting === 'none');
    if (!isWord && this.hasReference(start, this.position))
      throw unsupported('a reference in a ${…} that is evaluated');
    this.copy(1);
  }

  private scanArithmetic(): void {
    this.copy(3);
    this.arithmetics++;
    let openBrackets = 0;
    while (this.isUnfinished()) {
      const next = this.next();
      if (/["']/.test(next)) throw unsupported('quotes in arithmetic');
      if (next === '(') openBrackets++;
      if (next === ')' && openBrackets-- === 0) break;
      if (!this.scanExpansion('arithmetic')) this.copy(1);
    }
    if (this.isUnfinished() && this.next(1) !== ')') throw unsupported('$(( that is not closed by ))');
    this.copy(2);
    this.arithmetics--;
  }

  private scanBackticks(): void {
    const start = this.position + 1;
    const text = /^(?:\\[\s\S]|[^\\`])*/.exec(this.line.slice(start, this.limit))?.[0] ?? '';
    const end = start + text.length;
    if (!this.hasReference(start, end)) {
      this.copy(text.length + 2);
      return;
    }
    if (text.replace(REFERENCE, '').includes('\\')) throw unsupported('a backslash within backticks');
    this.copy(1);
    const outerLimit = this.limit;
    this.limit = end;
    this.substitutions++;
    this.scanScript();
    this.substitutions--;
    this.limit = outerLimit;
    this.copy(1);
  }

  private scanHereDocumentStart(): HereDocument {
    HERE_DOCUMENT.lastIndex = this.position;
    const [text, tabs, word = ''] = HERE_DOCUMENT.exec(this.line) ?? [];
    if (text === undefined || this.substitutions > 0 || /\\\d/.test(word))
      throw unsupported(`this use of <<`);
    this.copy(text.length);
    const delimiter = word.replace(/\\([\s\S])|["']/g, '$1');
    return { delimiter, isQuoted: /[\\'"]/.test(word), ignoresTabs: tabs === '-' };
  }

  private scanHereDocument({ delimiter, isQuoted, ignoresTabs }: HereDocument): void {
    while (this.isUnfinished()) {
      const lineEnd = this.indexOf('\n');
      const text = this.line.slice(this.position, lineEnd);
      const isEnd = (ignoresTabs ? text.replace(/^\t+/, '') : text) === delimiter;
      if (isEnd || isQuoted) {
        if (this.hasReference(this.position, lineEnd)) throw unsupported('a here-document without expansion');
        this.copy(text.length + 1);
        if (isEnd) return;
      } else {
        if (text.endsWith('\\')) throw unsupported('a backslash at the end of a line of a here-document');
        if (text.includes('`')) throw unsupported('backticks in a here-document');
        while (this.isUnfinished() && this.position < lineEnd)
          if (!this.scanExpansion('double')) this.copy(1);
        if (this.isUnfinished() && this.position !== lineEnd)
          throw unsupported('a line end in a substitution of a here-document');
        this.copy(1);
      }
    }
  }

  /** A pattern of `case` in a substitution has a bracket that does not end the substitution. */
  private checkWord(word: string): void {
    if (word === 'case' && this.substitutions > 0) throw unsupported('case within a substitution');
    if (EVALUATING_COMMANDS.has(word)) throw unsupported(word);
  }

  private isUnfinished(): boolean {
    return this.position < this.limit && this.position <= this.lastReference;
  }

  private hasReference(start: number, end: number): boolean {
    return /\\\d/.test(this.line.slice(start, end));
  }

  /** The character at an offset from the position; empty beyond the limit. */
  private next(offset = 0): string {
    return this.position + offset < this.limit ? this.line.charAt(this.position + offset) : '';
  }

  private indexOf(text: string): number {
    const index = this.line.indexOf(text, this.position);
    return index === -1 || index > this.limit ? this.limit : index;
  }

  private copyUntil(text: string): void {
    this.copy(this.indexOf(text) - this.position);
  }

  private copy(length: number): void {
    const end = Math.min(this.position + length, this.limit);
    this.output += this.line.slice(this.position, end);
    this.position = end;
  }
}

const unsupported = (construct: string): AppError =>
  new AppError(
    'shell_line',
    `its command line has ${construct}, where \\1 would not arrive unchanged in every shell`,
  );
