/** The quotes around a position in a shell command line. */
export type Quoting = 'none' | 'single' | 'double';

/** Matches everything that can change the quotes around later positions. */
export const QUOTING_TOKEN = /\\[\s\S]|\$\(\(?|['"`()]/;

/** The line itself or a substitution in it. Each level has its own quotes. */
interface Level {
  quoting: Quoting;
  readonly end?: ')' | '`';
  /** How many round brackets are open in this level. */
  openBrackets: number;
  /** `$((…))`: the shell does not split words there, as in double quotes. */
  readonly isArithmetic?: boolean;
}

/** Tracks the quotes along a shell command line, token by token, including nested substitutions like `"$(…)"`. */
export class ShellQuoting {
  private readonly outer: Level[] = [];
  private level: Level = { quoting: 'none', openBrackets: 0 };

  get current(): Quoting {
    return this.level.isArithmetic === true ? 'double' : this.level.quoting;
  }

  /** Processes the next token that `QUOTING_TOKEN` matches. */
  advance(token: string): void {
    const { level } = this;
    if (level.quoting === 'single') {
      if (token.endsWith("'")) level.quoting = 'none'; // single quotes know no escapes
    } else if (token === '"') level.quoting = level.quoting === 'double' ? 'none' : 'double';
    else if (token === '$(') this.enter({ quoting: 'none', end: ')', openBrackets: 0 });
    else if (token === '$((') this.enter({ quoting: 'none', end: ')', openBrackets: 1, isArithmetic: true });
    else if (token === '`' && level.end !== '`') this.enter({ quoting: 'none', end: '`', openBrackets: 0 });
    else if (token === '`') this.leave();
    else if (level.quoting === 'none') this.advanceUnquoted(token);
  }

  private advanceUnquoted(token: string): void {
    const { level } = this;
    if (token === "'") level.quoting = 'single';
    else if (token === '(') level.openBrackets++;
    else if (token === ')' && level.openBrackets > 0) level.openBrackets--;
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
