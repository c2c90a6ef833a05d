import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../src/cli/run-cli.js';
import type { CliEnvironment } from '../../src/cli/cli-environment.js';

/** Changes to the default environment of a run. */
export interface CliRunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Width of a terminal to run on; without it the program gets pipes. */
  readonly columns?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Interrupts the program (Ctrl-C) when it prints this text. */
  readonly interruptAt?: string;
  /** Interrupts the program (Ctrl-C) when this resolves. */
  readonly interruptOn?: Promise<unknown>;
}

/** Result of a run. */
export interface CliOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `push-jobs` in this process, with its own home and current folder. Call `remove` in `afterAll`. */
export class CliUnderTest {
  private readonly root = mkdtempSync(join(tmpdir(), 'push-jobs-cli-'));
  readonly home = join(this.root, 'home');
  readonly cwd = join(this.root, 'work');

  constructor() {
    mkdirSync(join(this.home, '.chef'), { recursive: true });
    mkdirSync(this.cwd);
  }

  /** Writes a file below `~/.chef` and returns its path. */
  writeChefFile(name: string, text: string): string {
    const file = join(this.home, '.chef', name);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** Writes credentials whose default profile is this user on this server; the key goes into a file beside them. */
  writeCredentials(serverUrl: string, user: string, keyPem: string): void {
    this.writeChefFile('user.pem', keyPem);
    this.writeChefFile(
      'credentials',
      `[default]\nclient_name = "${user}"\nclient_key = "user.pem"\nchef_server_url = "${serverUrl}"\n`,
    );
  }

  /** An environment that collects the output of the run in these arrays. */
  environment(stdout: Buffer[], stderr: Buffer[], options: CliRunOptions = {}): CliEnvironment {
    const { env = {}, columns, now = Date.now, interruptAt, interruptOn } = options;
    let interrupt: (() => void) | undefined;
    void interruptOn?.then(() => interrupt?.());
    const terminal = columns === undefined ? {} : { isTTY: true, columns };
    const collectIn = (chunks: Buffer[]) => ({
      ...terminal,
      write: (chunk: string | Uint8Array) => {
        chunks.push(Buffer.from(chunk as string));
        if (interruptAt !== undefined && String(chunk).includes(interruptAt)) interrupt?.();
      },
    });
    return {
      stdout: collectIn(stdout),
      stderr: collectIn(stderr),
      env,
      cwd: this.cwd,
      home: this.home,
      clock: { now },
      onInterrupt: (handler) => {
        interrupt = handler;
        return () => (interrupt = undefined);
      },
    };
  }

  /** Runs the program to its end. */
  async run(args: readonly string[], options: CliRunOptions = {}): Promise<CliOutcome> {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const code = await runCli(args, this.environment(stdout, stderr, options));
    return { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
