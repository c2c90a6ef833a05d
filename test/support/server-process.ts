import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServerConfig } from '../../src/config/server-config.js';
import type { ServerSecrets } from '../../src/config/server-secrets.js';
import { eventually } from './eventually.js';

const PROGRAM = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

/** How long it may take to be up, in milliseconds: many programs may be starting at once. */
const START_WITHIN_MS = 60_000;

/** The built server in a process of its own, with its settings and secrets in a folder that goes when it ends. */
export class ServerProcess {
  private out = '';
  private problems = '';
  private readonly ended: Promise<number | NodeJS.Signals>;

  private constructor(
    private readonly child: ChildProcess,
    folder: string,
  ) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.problems += text));
    this.ended = once(child, 'close').then(([code, signal]) => {
      rmSync(folder, { recursive: true });
      return (code ?? signal) as number | NodeJS.Signals;
    });
  }

  /** Runs it and does not wait; throws where nothing was built. */
  static spawn(config: ServerConfig, secrets: ServerSecrets): ServerProcess {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not built; run: npm run build`);
    const folder = mkdtempSync(join(tmpdir(), 'push-jobs-server-'));
    const [configFile, secretsFile] = [join(folder, 'config.json'), join(folder, 'secrets.json')];
    writeFileSync(secretsFile, JSON.stringify(secrets), { mode: 0o600 });
    writeFileSync(configFile, JSON.stringify({ ...config, secrets_file: secretsFile }));
    return new ServerProcess(spawn(process.execPath, [PROGRAM, '--config', configFile]), folder);
  }

  /** Runs it and waits until it is up. */
  static async start(config: ServerConfig, secrets: ServerSecrets): Promise<ServerProcess> {
    const server = ServerProcess.spawn(config, secrets);
    await eventually(
      () => {
        if (server.out.includes('push-jobs-server is up')) return true;
        throw new Error(`it said: ${server.out}${server.problems}`);
      },
      { withinMs: START_WITHIN_MS },
    );
    return server;
  }

  /** The messages that it logged as errors. */
  get loggedErrors(): string[] {
    return this.out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { level: number | string; msg: string })
      .filter(({ level }) => level === 'error' || level === 'fatal' || Number(level) >= 50)
      .map(({ msg }) => msg);
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
