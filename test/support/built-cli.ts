import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.js';

const PROGRAM = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** The environment of a run of the built program. */
export interface BuiltRunOptions {
  readonly home: string;
  readonly cwd: string;
  /** Width of a terminal to run on; without it the program gets pipes. */
  readonly columns?: number;
}

/** One run of the built program `push-jobs`, in its own process. */
export class BuiltCli {
  private out = '';
  private errors = '';
  private readonly ended: Promise<number>;

  private constructor(private readonly child: ChildProcess) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.ended = once(child, 'close').then(([code]) => code as number);
  }

  /** Starts the program; throws if it is not built. On a terminal, standard output includes standard error. */
  static start(args: readonly string[], { home, cwd, columns }: BuiltRunOptions): BuiltCli {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not built; run: npm run build`);
    const env = { PATH: process.env.PATH, HOME: home, TERM: 'xterm' };
    const command = [process.execPath, PROGRAM, ...args];
    const quoted = command.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(' ');
    const inTerminal = ['-qec', `stty cols ${columns ?? 0} && exec ${quoted}`, '/dev/null'];
    return new BuiltCli(
      columns === undefined
        ? spawn(process.execPath, command.slice(1), { env, cwd })
        : spawn('script', inTerminal, { env, cwd }),
    );
  }

  /** Waits until standard output contains this text. */
  async waitForOutput(text: string): Promise<void> {
    await eventually(
      () => {
        if (!this.out.includes(text)) throw new Error(`printed so far: ${this.out}${this.errors}`);
        return true;
      },
      { withinMs: 40_000 },
    );
  }

  /** Standard output so far. */
  get printed(): string {
    return this.out;
  }

  /** Writes to its standard input, or types into its terminal. */
  type(text: string): void {
    this.child.stdin?.write(text);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Closes our end of its standard output. */
  closeStdout(): void {
    this.child.stdout?.destroy();
  }

  /** Resolves when the program has ended. */
  async outcome(): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
    return { code: await this.ended, stdout: this.out, stderr: this.errors };
  }
}
