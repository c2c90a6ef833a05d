import { type ChildProcess, spawn } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const DIST = resolve(process.env.PUSH_JOBS_DIST ?? 'dist');
const PROGRAM = join(DIST, 'src/client/main.js');
const SOURCES = ['src/client', 'src/shared'];

/** Path of a built client program, by its file name without extension; throws if the build is stale. */
export const builtProgram = (name: string): string => {
  assertFresh();
  return join(DIST, 'src/client', `${name}.js`);
};

/** How a client is started. */
export interface ClientOptions {
  readonly serverUrl: string;
  readonly node: string;
  readonly key: KeyObject;
  /** Additional lines of its settings file. */
  readonly settings?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The built `push-jobs-client` as a process, with its own settings file and folder. Stop it at the end of the test. */
export class ClientUnderTest {
  readonly root = mkdtempSync(join(tmpdir(), 'push-jobs-client-'));
  readonly settingsFile = join(this.root, 'push-jobs-client.rb');
  readonly fileDir = join(this.root, 'files');
  readonly stateDir = join(this.root, 'state');
  /** Resolves to the exit code of the latest process. */
  exit!: Promise<number | null>;
  /** Standard output and standard error so far, the log included. */
  output = '';
  private process!: ChildProcess;
  private readonly settings: string;

  constructor(private readonly options: ClientOptions) {
    assertFresh();
    const keyFile = join(this.root, 'client.pem');
    writeFileSync(keyFile, options.key.export({ type: 'pkcs8', format: 'pem' }));
    this.settings = `
      chef_server_url '${options.serverUrl}'
      node_name '${options.node}'
      client_key '${keyFile}'
      file_dir '${this.fileDir}'
      state_dir '${this.stateDir}'
      kill_grace_period 1
    `;
    this.writeSettings(options.settings ?? '');
    this.start();
  }

  /** Starts the client again after its process has ended. */
  start(): void {
    const { env, args = [] } = this.options;
    this.process = spawn(process.execPath, [PROGRAM, '-c', this.settingsFile, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    this.exit = once(this.process, 'close').then(([code]) => code as number | null);
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** Rewrites the settings file: the lines that every client has, then these. */
  writeSettings(lines: string): void {
    writeFileSync(this.settingsFile, this.settings + lines);
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** Kills the client, as a machine that is out of memory does. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exit;
  }

  /** Names of the job files that exist now. */
  jobFiles(): string[] {
    return existsSync(this.fileDir) ? readdirSync(this.fileDir) : [];
  }

  /** Stops the client with TERM and removes its folder; resolves to its exit code. */
  async stop(): Promise<number | null> {
    this.process.kill('SIGTERM');
    const code = await this.exit;
    rmSync(this.root, { recursive: true, force: true });
    return code;
  }

  /** Creates a folder below its own, open to all users, and returns the path. */
  makeFolder(name: string): string {
    const folder = join(this.root, name);
    mkdirSync(folder, { recursive: true, mode: 0o777 });
    return folder;
  }
}

/** Throws if a source file is newer than the build: the tests would run an old client. */
const assertFresh = (): void => {
  const built = existsSync(PROGRAM) ? statSync(PROGRAM).mtimeMs : 0;
  for (const folder of SOURCES) {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const path = join(folder, name);
      if (statSync(path).mtimeMs > built && path.endsWith('.ts')) {
        throw new Error(`${path} is newer than ${PROGRAM}: run 'npm run build' first`);
      }
    }
  }
};
