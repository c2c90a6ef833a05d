import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { CtlEnvironment } from '../../ctl/ctl-environment.js';
import { runProgram } from '../../ctl/lib/run-program.js';
import { runCtl } from '../../ctl/run-ctl.js';
import { systemClock } from '../../src/shared/lib/clock.js';

/** Result of a run. */
export interface CtlOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs opscode-push-jobs-server-ctl in this process, with a temporary folder as its root. Call `remove` in `afterAll`.
 */
export class CtlUnderTest {
  readonly root = mkdtempSync(join(tmpdir(), 'push-jobs-ctl-'));

  /** `changes` apply to the environment of all runs. */
  constructor(private readonly changes: Partial<CtlEnvironment> = {}) {
    mkdirSync(this.path('/work'));
  }

  /** The real path of a path below the root. */
  path(absolute: string): string {
    return join(this.root, absolute);
  }

  /** Writes a file below the root and returns its real path. */
  write(absolute: string, text: string, mode = 0o644): string {
    const file = this.path(absolute);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
    return file;
  }

  /** Writes the administrator's settings and returns the real path. */
  writeSettings(text: string): string {
    return this.write('/etc/opscode-push-jobs-server/opscode-push-jobs-server.rb', text);
  }

  /** Runs the program as root. */
  run(...args: string[]): Promise<CtlOutcome> {
    return this.runWith({}, ...args);
  }

  /** Runs the program as root, in an environment with these changes. */
  async runWith(changes: Partial<CtlEnvironment>, ...args: string[]): Promise<CtlOutcome> {
    const out: string[] = [];
    const errors: string[] = [];
    const collectIn = (chunks: string[]) => ({
      write: (chunk: string | Uint8Array) => chunks.push(String(chunk)),
    });
    const code = await runCtl(['--root', this.root, ...args], {
      ...this.environment(),
      stdout: collectIn(out),
      stderr: collectIn(errors),
      ...changes,
    });
    return { code, stdout: out.join(''), stderr: errors.join('') };
  }

  /** The environment of a run; it discards all output. */
  environment(): CtlEnvironment {
    const nowhere = { write: () => undefined };
    return {
      stdout: nowhere,
      stderr: nowhere,
      env: {},
      uid: 0,
      cwd: this.path('/work'),
      home: '/root',
      clock: systemClock,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      run: runProgram,
      onEndSignal: () => () => undefined,
      installed: {
        node: process.execPath,
        server: '/nowhere/main.js',
        client: '/nowhere/client.js',
        version: '1.2.3',
      },
      ...this.changes,
    };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
