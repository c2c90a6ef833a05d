import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../src/shared/lib/app-error.js';
import { ensureFile, readIfExists, writeAtomically } from './files.js';
import type { Paths } from './paths.js';
import { type RunProgram, outputOf } from './run-program.js';
import { readChefServerRunning } from './settings/chef-server-running.js';

const READABLE = { mode: 0o644 };
const HEAD = '# Made by opscode-push-jobs-server-ctl reconfigure, which overwrites it.\n';

/** The address to which nginx forwards requests. */
export interface Upstream {
  readonly host: string;
  readonly port: number;
}

/** Returns the add-on files of Chef Server's nginx by name, with their texts. */
const addOnTexts = ({ host, port }: Upstream): Readonly<Record<string, string>> => ({
  '10-push_jobs_upstreams.conf': `${HEAD}upstream opscode_pushy {\n  server ${host}:${port};\n}\n`,
  '10-push_jobs_external.conf': `${HEAD}${location('^/pushy/_status/?$')}${location('^/organizations/[a-z0-9-_]+?/pushy/{0,1}')}`,
});

/** Feeds are long-lived and must not be buffered. */
const location = (pattern: string): string => `location ~ "${pattern}" {
  proxy_pass http://opscode_pushy;
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header Connection "";
  proxy_connect_timeout 5s;
  proxy_send_timeout 300s;
  proxy_read_timeout 300s;
  proxy_buffering off;
  proxy_request_buffering off;
  proxy_redirect off;
}
`;

/** Chef Server's nginx. Add-on files route requests for push jobs to the server. */
export class Nginx {
  private readonly addOnFolder: string;
  private readonly program: string;

  constructor(
    /** The folder with nginx.conf. */
    private readonly folder: string,
    private readonly chefServer: string,
    private readonly run: RunProgram,
  ) {
    this.addOnFolder = join(folder, 'addon.d');
    this.program = join(chefServer, 'embedded', 'sbin', 'nginx');
  }

  /** Returns the nginx of the Chef Server on this machine, or undefined if there is none. */
  static ofChefServer(paths: Paths, run: RunProgram): Nginx | undefined {
    const chef = readChefServerRunning(paths.chefRunning);
    if (chef === undefined) return undefined;
    const folder = paths.under(join(chef.nginx?.dir ?? '/var/opt/opscode/nginx', 'etc'));
    return new Nginx(folder, paths.chefServer, run);
  }

  /** Whether any of the add-on files exists. */
  get hasRoute(): boolean {
    return this.existingAddOnFiles().length > 0;
  }

  /** Whether the add-on files route to this upstream. */
  hasRouteTo(upstream: Upstream): boolean {
    return Object.entries(addOnTexts(upstream)).every(
      ([name, text]) => readIfExists(join(this.addOnFolder, name)) === text,
    );
  }

  /**
   * Writes the add-on files and lets nginx test its configuration. If the test fails, restores the files and throws an
   * AppError with nginx's output. Returns a line per change.
   */
  async install(upstream: Upstream): Promise<string[]> {
    const files = Object.entries(addOnTexts(upstream)).map(
      ([name, text]) => [join(this.addOnFolder, name), text] as const,
    );
    const before = files.map(([file]) => [file, readIfExists(file)] as const);
    const changes: string[] = [];
    for (const [file, text] of files) changes.push(...(await ensureFile(file, text, READABLE)));
    if (changes.length === 0) return [];
    const tested = await this.test();
    if (tested.code === 0) return changes;
    for (const [file, text] of before) {
      if (text === undefined) rmSync(file);
      else await writeAtomically(file, text, READABLE);
    }
    throw new AppError(
      'nginx_refuses',
      `nginx does not accept its configuration with the route to push jobs, which was removed again: ${outputOf(tested)}`,
    );
  }

  /** Returns the texts of all add-on files, for comparison. */
  routeConfig(upstream: Upstream): string {
    return Object.values(addOnTexts(upstream)).join('');
  }

  /** Removes the add-on files. Returns a line per change. */
  remove(): string[] {
    const files = this.existingAddOnFiles();
    for (const file of files) rmSync(file);
    return files.map((file) => `removed ${file}`);
  }

  /**
   * Makes a running nginx reload its configuration. Throws an AppError if the configuration is invalid: nginx itself
   * would keep the old one and report it only in its log.
   */
  async reload(): Promise<string[]> {
    const sv = join(this.chefServer, 'embedded', 'bin', 'sv');
    const env = { SVDIR: join(this.chefServer, 'service') };
    const status = await this.run(sv, ['status', 'nginx'], { env });
    if (!status.stdout.startsWith('run:')) return ['nginx is not running: it reads the route when it starts'];
    const tested = await this.test();
    if (tested.code !== 0) {
      throw new AppError(
        'nginx_refuses',
        'nginx was not reloaded, because it does not accept its configuration; fix what it names, then run ' +
          `chef-server-ctl hup nginx: ${outputOf(tested)}`,
      );
    }
    const reloaded = await this.run(sv, ['hup', 'nginx'], { env });
    if (reloaded.code !== 0) throw new AppError('nginx_reload', `cannot reload nginx: ${outputOf(reloaded)}`);
    return ['reloaded nginx'];
  }

  /** Runs `nginx -t`. */
  test() {
    return this.run(this.program, ['-t', '-c', join(this.folder, 'nginx.conf')]);
  }

  private existingAddOnFiles(): string[] {
    return Object.keys(addOnTexts({ host: '', port: 0 }))
      .map((name) => join(this.addOnFolder, name))
      .filter((file) => existsSync(file));
  }
}
