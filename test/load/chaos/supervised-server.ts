import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { SERVER } from '../installation.js';

/** Time until a server that ended is started again; runit takes as long. */
const RESTART_AFTER_MS = 1_000;

const UP = 'push-jobs-server is up';

/** A built server that is started again whenever it ends, as its service supervisor does. */
export class SupervisedServer {
  /** How often the process ended by itself, by exit code. */
  readonly ownExits = new Map<string, number>();
  private child: ChildProcess | undefined;
  private restart: NodeJS.Timeout | undefined;
  private restartAfterMs = RESTART_AFTER_MS;
  private isKilled = false;
  private isStopped = false;

  constructor(
    private readonly configFile: string,
    private readonly logFile: string,
    private readonly onUp: () => void,
  ) {}

  start(): void {
    this.isKilled = false;
    const child = spawn(process.execPath, [SERVER, '--config', this.configFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        appendFileSync(this.logFile, `${line}\n`);
        if (line.includes(UP) && child === this.child) this.onUp();
      });
    }
    child.on('exit', (code, signal) => {
      if (!this.isKilled) {
        const how = String(code ?? signal);
        this.ownExits.set(how, (this.ownExits.get(how) ?? 0) + 1);
      }
      if (this.isStopped) return;
      this.restart = setTimeout(() => this.start(), this.restartAfterMs);
      this.restartAfterMs = RESTART_AFTER_MS;
    });
  }

  /** Kills the process; it is started again after that many milliseconds. */
  kill(downMs: number): void {
    if (!this.isRunning) return;
    this.isKilled = true;
    this.restartAfterMs = downMs;
    this.child?.kill('SIGKILL');
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.isRunning) this.child?.kill(signal);
  }

  /** Kills the process, also if it is stopped by a signal, and does not start it again. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.restart);
    const { child } = this;
    if (child === undefined || !this.isRunning) return;
    const exit = once(child, 'exit');
    this.isKilled = true;
    child.kill('SIGKILL');
    await exit;
  }

  private get isRunning(): boolean {
    return this.child?.exitCode === null && this.child.signalCode === null;
  }
}
