import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** A program that still runs this many milliseconds after TERM is killed. */
const KILL_AFTER_MS = 15_000;

/** How many lines of its log are shown if a program ends unexpectedly. */
const SHOWN_LOG_LINES = 15;

interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
}

/** A program that ended unexpectedly. */
export interface UnexpectedExit {
  readonly name: string;
  /** The end of its log. */
  readonly log: string;
  /** The command that starts it again. */
  readonly command: string;
}

/** The programs that the quick start has started, each with a log file of its own; stopped in reverse order. */
export class Programs {
  private readonly programs: Program[] = [];
  private stopping = false;

  /** `onDeath` is called for each program that ends unexpectedly; `nodeOptions` are for the Node.js that runs them. */
  constructor(
    private readonly onUnexpectedExit: (death: UnexpectedExit) => void,
    private readonly nodeOptions: readonly string[] = [],
  ) {}

  /** Starts a built program; everything it writes goes to the log file. */
  start(name: string, log: string, args: readonly string[]): void {
    const file = openSync(log, 'a', 0o600);
    const child = spawn(process.execPath, [...this.nodeOptions, ...args], { stdio: ['ignore', file, file] });
    closeSync(file);
    const ended = new Promise<void>((resolve) => {
      child.once('error', () => resolve());
      child.once('exit', () => resolve());
    });
    this.programs.push({ child, ended });
    process.send?.({ pid: child.pid }); // our parent ends it if we cannot
    void ended.then(() => {
      if (!this.stopping)
        this.onUnexpectedExit({ name, log: endOf(log), command: asTyped(['node', ...args]) });
    });
  }

  /** Ends all programs, the last one first; resolves when all have ended. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const { child, ended } of this.programs.reverse()) {
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
      await ended;
      clearTimeout(force);
    }
  }
}

const endOf = (log: string): string =>
  readFileSync(log, 'utf8').trimEnd().split('\n').slice(-SHOWN_LOG_LINES).join('\n');

/** A command in the form in which users type it into a shell. */
const asTyped = (words: readonly string[]): string =>
  words.map((word) => (/^[\w./:=-]+$/.test(word) ? word : `'${word}'`)).join(' ');
