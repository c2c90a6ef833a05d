import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServerConfig } from '../../src/server/config/server-config.js';
import type { ServerSecrets } from '../../src/server/config/server-secrets.js';
import { eventually } from './eventually.js';

const PROGRAM = fileURLToPath(new URL('../../dist/src/server/main.js', import.meta.url));

/** How long it may take to be up, in milliseconds: many programs may be starting at once. */
const START_WITHIN_MS = 60_000;

const CONFIG_FILE = 'config.json';
const SECRETS_FILE = 'secrets.json';

const writeSettings = (folder: string, settings: ServerConfig | string): void => {
  const text =
    typeof settings === 'string'
      ? settings
      : JSON.stringify({ ...settings, secrets_file: join(folder, SECRETS_FILE) });
  writeFileSync(join(folder, CONFIG_FILE), text);
};

const writeSecrets = (folder: string, secrets: ServerSecrets): void =>
  writeFileSync(join(folder, SECRETS_FILE), JSON.stringify(secrets), { mode: 0o600 });

/** The command, run so that it can open so many files and cannot raise that. */
const limited = (files: number, command: readonly string[]): readonly [string, ...string[]] => [
  '/bin/sh',
  '-c',
  `ulimit -n ${files} && exec "$@"`,
  'sh',
  ...command,
];

/** A line of its log. */
export interface LoggedLine {
  readonly level: string;
  readonly msg: string;
  readonly [member: string]: unknown;
}

/** The built server in a process of its own, with its settings and secrets in a folder that goes when it ends. */
export class ServerProcess {
  private out = '';
  private problems = '';
  private readonly ended: Promise<number | NodeJS.Signals>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.problems += text));
    this.ended = once(child, 'close').then(([code, signal]) => {
      rmSync(folder, { recursive: true });
      return (code ?? signal) as number | NodeJS.Signals;
    });
  }

  /** Runs it, perhaps with a limit of open files, and does not wait; throws where nothing was built. */
  static spawn(config: ServerConfig, secrets: ServerSecrets, maxOpenFiles?: number): ServerProcess {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not built; run: npm run build`);
    const folder = mkdtempSync(join(tmpdir(), 'push-jobs-server-'));
    writeSettings(folder, config);
    writeSecrets(folder, secrets);
    const command = [process.execPath, PROGRAM, '--config', join(folder, CONFIG_FILE)] as const;
    const [program, ...args] = maxOpenFiles === undefined ? command : limited(maxOpenFiles, command);
    return new ServerProcess(spawn(program, args), folder);
  }

  /** Runs it and waits until it is up. */
  static async start(
    config: ServerConfig,
    secrets: ServerSecrets,
    maxOpenFiles?: number,
  ): Promise<ServerProcess> {
    const server = ServerProcess.spawn(config, secrets, maxOpenFiles);
    await eventually(
      () => {
        if (server.out.includes('push-jobs-server is up')) return true;
        throw new Error(`it said: ${server.out}${server.problems}`);
      },
      { withinMs: START_WITHIN_MS },
    );
    return server;
  }

  /** The lines that it logged, parsed. */
  get logged(): LoggedLine[] {
    const lines = this.out.split('\n').slice(0, -1); // the last one may not be whole
    return lines.map((line) => JSON.parse(line) as LoggedLine);
  }

  /** The messages that it logged as errors. */
  get loggedErrors(): string[] {
    return this.logged.filter(({ level }) => level === 'error' || level === 'fatal').map(({ msg }) => msg);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Whether the program itself says what a signal does to it, by the number of the signal. */
  handlesSignal(number: number): boolean {
    const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
    return ((BigInt(`0x${caught ?? '0'}`) >> BigInt(number - 1)) & 1n) === 1n;
  }

  /** Writes its settings anew, or any other text in their place; it reads them at its start and at HUP. */
  writeSettings(settings: ServerConfig | string): void {
    writeSettings(this.folder, settings);
  }

  /** Writes its secrets anew. */
  writeSecrets(secrets: ServerSecrets): void {
    writeSecrets(this.folder, secrets);
  }

  /** What it wrote on standard error. */
  get stderr(): string {
    return this.problems;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** The code, or the signal, that it ended with. */
  get exit(): Promise<number | NodeJS.Signals> {
    return this.ended;
  }

  /** Ends it cleanly; fails where it does not end with code 0. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    const code = await this.ended;
    if (code !== 0 && code !== 'SIGKILL')
      throw new Error(`it ended with ${code}: ${this.out}${this.problems}`);
  }

  /** Ends it as a power failure would. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }
}
