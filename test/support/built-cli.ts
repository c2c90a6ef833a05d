import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.js';

const PROGRAM = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** Where a run of the built program finds itself. */
export interface BuiltRunOptions {
  readonly home: string;
  readonly cwd: string;
  /** Give it a terminal that is so wide, in place of pipes. */
  readonly columns?: number;
}

/** A run of the built program `push-jobs` in a process of its own. */
export class BuiltCli {
  private out = '';
  private problems = '';
  private readonly ended: Promise<number>;

  private constructor(private readonly child: ChildProcess) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.problems += text));
    this.ended = once(child, 'close').then(([code]) => code as number);
  }

  /** Starts it; throws where nothing was built. On a terminal, standard error is part of standard output. */
  static start(args: readonly string[], { home, cwd, columns }: BuiltRunOptions): BuiltCli {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not built; run: npm run build`);
    const env = { PATH: process.env.PATH, HOME: home, TERM: 'xterm' };
    const words = [process.execPath, PROGRAM, ...args];
    const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const inTerminal = ['-qec', `stty cols ${columns ?? 0} && exec ${quoted}`, '/dev/null'];
    return new BuiltCli(
      columns === undefined
        ? spawn(process.execPath, words.slice(1), { env, cwd })
        : spawn('script', inTerminal, { env, cwd }),
    );
  }

  /** Waits until it has printed this. */
  async prints(text: string): Promise<void> {
    await eventually(
      () => {
        if (!this.out.includes(text)) throw new Error(`printed so far: ${this.out}${this.problems}`);
        return true;
      },
      { withinMs: 40_000 },
    );
  }

  /** What it has printed so far. */
  get printed(): string {
    return this.out;
  }

  /** Types into its terminal. */
  type(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Sends it a signal. */
  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Closes the pipe that it prints into. */
  stopReading(): void {
    this.child.stdout?.destroy();
  }

  /** Waits for its end. */
  async outcome(): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
    return { code: await this.ended, stdout: this.out, stderr: this.problems };
  }
}
