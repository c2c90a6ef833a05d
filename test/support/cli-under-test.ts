import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../src/cli/run-cli.js';
import type { CliEnvironment } from '../../src/cli/cli-environment.js';

/** What of the environment a run of the program may have otherwise. */
export interface CliRunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The width of a terminal, in place of a pipe. */
  readonly columns?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Ctrl-C is pressed when the program prints this. */
  readonly interruptAt?: string;
  /** Ctrl-C is pressed when this resolves. */
  readonly interruptOn?: Promise<unknown>;
}

/** How a run of the program ended. */
export interface CliOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program, run in this process with a home and a current folder of its own. Remove it at the end. */
export class CliUnderTest {
  private readonly root = mkdtempSync(join(tmpdir(), 'push-jobs-cli-'));
  readonly home = join(this.root, 'home');
  readonly cwd = join(this.root, 'work');

  constructor() {
    mkdirSync(join(this.home, '.chef'), { recursive: true });
    mkdirSync(this.cwd);
  }

  /** Writes a file of the user's `~/.chef` folder. */
  writeChefFile(name: string, text: string): string {
    const file = join(this.home, '.chef', name);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** Writes credentials whose default profile is this user on this server, the key in a file beside. */
  writeCredentials(serverUrl: string, user: string, keyPem: string): void {
    this.writeChefFile('user.pem', keyPem);
    this.writeChefFile(
      'credentials',
      `[default]\nclient_name = "${user}"\nclient_key = "user.pem"\nchef_server_url = "${serverUrl}"\n`,
    );
  }

  /** The environment of a run, whose output is collected in the arrays. */
  environment(out: Buffer[], problems: Buffer[], options: CliRunOptions = {}): CliEnvironment {
    const { env = {}, columns, now = Date.now, interruptAt, interruptOn } = options;
    let interrupt: (() => void) | undefined;
    void interruptOn?.then(() => interrupt?.());
    const terminal = columns === undefined ? {} : { isTTY: true, columns };
    const into = (chunks: Buffer[]) => ({
      ...terminal,
      write: (chunk: string | Uint8Array) => {
        chunks.push(Buffer.from(chunk as string));
        if (interruptAt !== undefined && String(chunk).includes(interruptAt)) interrupt?.();
      },
    });
    return {
      stdout: into(out),
      stderr: into(problems),
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
    const out: Buffer[] = [];
    const problems: Buffer[] = [];
    const code = await runCli(args, this.environment(out, problems, options));
    return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(problems).toString() };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
