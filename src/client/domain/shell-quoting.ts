/** The quotes around a place in a shell's line. */
export type Quoting = 'none' | 'single' | 'double';

/** All in a line that changes what quotes a later place stands in. */
export const QUOTING_TOKEN = /\\[\s\S]|\$\(\(?|['"`()]/;

/** The line itself, or a substitution within it, which has quotes of its own. */
interface Level {
  quoting: Quoting;
  readonly end?: ')' | '`';
  /** Brackets that are open within it. */
  open: number;
  /** `$((…))`: nothing is split into words there, as if it stood within double quotes. */
  readonly isArithmetic?: boolean;
}

/** Follows a line of a shell from token to token and knows which quotes a place stands in, also within `"$(…)"`. */
export class ShellQuoting {
  private readonly outer: Level[] = [];
  private level: Level = { quoting: 'none', open: 0 };

  get now(): Quoting {
    return this.level.isArithmetic === true ? 'double' : this.level.quoting;
  }

  /** Goes over the next token that `QUOTING_TOKEN` finds. */
  pass(token: string): void {
    const { level } = this;
    if (level.quoting === 'single') {
      if (token.endsWith("'")) level.quoting = 'none'; // there is no escape there
    } else if (token === '"') level.quoting = level.quoting === 'double' ? 'none' : 'double';
    else if (token === '$(') this.enter({ quoting: 'none', end: ')', open: 0 });
    else if (token === '$((') this.enter({ quoting: 'none', end: ')', open: 1, isArithmetic: true });
    else if (token === '`' && level.end !== '`') this.enter({ quoting: 'none', end: '`', open: 0 });
    else if (token === '`') this.leave();
    else if (level.quoting === 'none') this.passUnquoted(token);
  }

  private passUnquoted(token: string): void {
    const { level } = this;
    if (token === "'") level.quoting = 'single';
    else if (token === '(') level.open++;
    else if (token === ')' && level.open > 0) level.open--;
    else if (token === ')' && level.end === ')') this.leave();
  }

  private enter(level: Level): void {
    this.outer.push(this.level);
    this.level = level;
  }

  private leave(): void {
    this.level = this.outer.pop() ?? this.level;
  }
}
