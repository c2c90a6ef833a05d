import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const BUILD = join(REPOSITORY, 'omnibus/build.mjs');
const PREVIOUS_VERSION = '0.0.1';

/** The environment of a build, which must not change its result. */
interface BuildEnvironment {
  readonly umask?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Packages of the last commit, built below one temporary folder. Remove them when the test file is over. */
export class BuiltPackages {
  /** Folder of all packages; its folder `previous` has the server of an older version. */
  readonly folder = mkdtempSync(join(tmpdir(), 'built-packages-'));
  private readonly work = join(this.folder, 'work');
  /** Fixed at the start, because HEAD may move meanwhile. */
  private readonly commit = execFileSync('git', ['-C', REPOSITORY, 'rev-parse', 'HEAD']).toString().trim();

  /** Builds all packages, and the server's .deb with an older version. */
  static async build(): Promise<BuiltPackages> {
    const packages = new BuiltPackages();
    await packages.buildInto('.');
    await packages.buildInto(
      'previous',
      {},
      '--product',
      'server',
      '--format',
      'deb',
      '--package-version',
      PREVIOUS_VERSION,
    );
    return packages;
  }

  /** Builds the packages of these products again and returns their folder. */
  async buildAgain(environment: BuildEnvironment, products: readonly string[]): Promise<string> {
    await this.buildInto('again', environment, ...products.flatMap((product) => ['--product', product]));
    return join(this.folder, 'again');
  }

  /** Returns the names of the package files with this suffix, sorted. */
  files(end: string): string[] {
    return readdirSync(this.folder)
      .filter((name) => name.endsWith(end))
      .sort();
  }

  path(file: string): string {
    return join(this.folder, file);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  private async buildInto(
    folder: string,
    { umask = '022', env = {} }: BuildEnvironment = {},
    ...more: string[]
  ): Promise<void> {
    const out = join(this.folder, folder);
    mkdirSync(out, { recursive: true });
    const options = ['--commit', this.commit, '--work', this.work, '--out', out, '--compression', 'gzip'];
    await promisify(execFile)(
      'sh',
      ['-c', 'umask "$1"; shift; exec "$@"', 'build', umask, process.execPath, BUILD, ...options, ...more],
      { env: { ...process.env, ...env } },
    );
  }
}
