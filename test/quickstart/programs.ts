import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { AppError } from '../../src/lib/app-error.js';
import { deferred } from '../../src/lib/deferred.js';

/** A program that has not ended so many milliseconds after TERM is killed. */
const KILL_AFTER_MS = 15_000;

/** How much of a log is shown where its program ended unasked. */
const SHOWN_LOG_LINES = 15;

interface Program {
  readonly name: string;
  readonly log: string;
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
}

/** The programs that the quick start has started, each with a log file of its own; stopped in reverse order. */
export class Programs {
  private readonly programs: Program[] = [];
  private readonly firstDeath = deferred<AppError>();
  private stopping = false;

  /** Resolves when a program has ended unasked, with what its log says. */
  get death(): Promise<AppError> {
    return this.firstDeath.promise;
  }

  /** Starts a built program; all that it writes goes to the log file. */
  start(name: string, log: string, args: readonly string[]): void {
    const file = openSync(log, 'w', 0o600);
    // A process group of its own: Ctrl-C must not end the programs before they are told to, in order.
    const child = spawn(process.execPath, args, { stdio: ['ignore', file, file], detached: true });
    closeSync(file);
    const ended = new Promise<void>((resolve) => {
      child.once('error', () => resolve());
      child.once('exit', () => resolve());
    });
    this.programs.push({ name, log, child, ended });
    void ended.then(() => {
      if (!this.stopping) this.firstDeath.resolve(diedOf(name, log));
    });
  }

  /** Ends all programs, the last one first; resolves when none is left. */
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

const diedOf = (name: string, log: string): AppError => {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-SHOWN_LOG_LINES);
  return new AppError('program_died', `${name} ended unexpectedly; the end of ${log}:\n${lines.join('\n')}`);
};
