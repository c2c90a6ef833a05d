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

/** Many programs may be starting at once on a slow machine. */
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

/** The command with a hard limit of open files. */
const withOpenFilesLimit = (files: number, command: readonly string[]): readonly [string, ...string[]] => [
  '/bin/sh',
  '-c',
  `ulimit -n ${files} && exec "$@"`,
  'sh',
  ...command,
];

/** A line of the server's log. */
export interface LoggedLine {
  readonly level: string;
  readonly msg: string;
  readonly [member: string]: unknown;
}

/** The built server in its own process; its settings and secrets are in a folder that is removed when it ends. */
export class ServerProcess {
  private out = '';
  private errors = '';
  private readonly ended: Promise<number | NodeJS.Signals>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.ended = once(child, 'close').then(([code, signal]) => {
      rmSync(folder, { recursive: true });
      return (code ?? signal) as number | NodeJS.Signals;
    });
  }

  /**
   * Starts the server without waiting, optionally with a limit of open files and options of Node.js; throws if it is not
   * built.
   */
  static spawn(
    config: ServerConfig,
    secrets: ServerSecrets,
    maxOpenFiles?: number,
    nodeOptions: readonly string[] = [],
  ): ServerProcess {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not built; run: npm run build`);
    const folder = mkdtempSync(join(tmpdir(), 'push-jobs-server-'));
    writeSettings(folder, config);
    writeSecrets(folder, secrets);
    const command = [
      process.execPath,
      ...nodeOptions,
      PROGRAM,
      '--config',
      join(folder, CONFIG_FILE),
    ] as const;
    const [program, ...args] =
      maxOpenFiles === undefined ? command : withOpenFilesLimit(maxOpenFiles, command);
    return new ServerProcess(spawn(program, args), folder);
  }

  /** Starts the server and waits until it is up. */
  static async start(
    config: ServerConfig,
    secrets: ServerSecrets,
    maxOpenFiles?: number,
    nodeOptions: readonly string[] = [],
  ): Promise<ServerProcess> {
    const server = ServerProcess.spawn(config, secrets, maxOpenFiles, nodeOptions);
    await eventually(
      () => {
        if (server.out.includes('push-jobs-server is up')) return true;
        throw new Error(`the server is not up; its output: ${server.out}${server.errors}`);
      },
      { withinMs: START_WITHIN_MS },
    );
    return server;
  }

  /** All log lines, parsed. */
  get logged(): LoggedLine[] {
    const lines = this.out.split('\n').slice(0, -1); // the last line may be incomplete
    return lines.map((line) => JSON.parse(line) as LoggedLine);
  }

  /** Messages of its log lines of level `error` and `fatal`. */
  get loggedErrors(): string[] {
    return this.logged.filter(({ level }) => level === 'error' || level === 'fatal').map(({ msg }) => msg);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Whether the program has installed a handler for the signal with this number. */
  handlesSignal(number: number): boolean {
    const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
    return ((BigInt(`0x${caught ?? '0'}`) >> BigInt(number - 1)) & 1n) === 1n;
  }

  /** Replaces the settings file with these settings, or with any text. The server reads it at its start and at HUP. */
  writeSettings(settings: ServerConfig | string): void {
    writeSettings(this.folder, settings);
  }

  /** Replaces the secrets file. */
  writeSecrets(secrets: ServerSecrets): void {
    writeSecrets(this.folder, secrets);
  }

  /** Standard error so far. */
  get stderr(): string {
    return this.errors;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Resolves to the exit code, or to the signal that ended it. */
  get exit(): Promise<number | NodeJS.Signals> {
    return this.ended;
  }

  /** Stops the server with TERM; throws if its exit code is not 0. A server that was killed before is accepted. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    const code = await this.ended;
    if (code !== 0 && code !== 'SIGKILL')
      throw new Error(`the server ended with ${code}: ${this.out}${this.errors}`);
  }

  /** Kills the server, as a power failure does. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }
}
