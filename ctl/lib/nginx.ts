import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../src/shared/lib/app-error.js';
import { ensureFile, readIfThere, writeAtomically } from './files.js';
import type { Paths } from './paths.js';
import { type RunProgram, saidBy } from './run-program.js';
import { readChefServerRunning } from './settings/chef-server-running.js';

const READABLE = { mode: 0o644 };
const HEAD = '# Made by opscode-push-jobs-server-ctl reconfigure, which overwrites it.\n';

/** Where the requests go that nginx hands on. */
export interface Upstream {
  readonly host: string;
  readonly port: number;
}

/** The files that Chef Server's nginx includes, with what stands in them. */
const addOns = ({ host, port }: Upstream): Readonly<Record<string, string>> => ({
  '10-push_jobs_upstreams.conf': `${HEAD}upstream opscode_pushy {\n  server ${host}:${port};\n}\n`,
  '10-push_jobs_external.conf': `${HEAD}${location('^/pushy/_status/?$')}${location('^/organizations/[a-z0-9-_]+?/pushy/{0,1}')}`,
});

/** Feeds live long and must not be held back. */
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

/** Chef Server's nginx, which routes requests for push jobs to us by add-on files. */
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

  /** That of the Chef Server on this machine; undefined where there is none. */
  static ofChefServer(paths: Paths, run: RunProgram): Nginx | undefined {
    const chef = readChefServerRunning(paths.chefRunning);
    if (chef === undefined) return undefined;
    const folder = paths.under(join(chef.nginx?.dir ?? '/var/opt/opscode/nginx', 'etc'));
    return new Nginx(folder, paths.chefServer, run);
  }

  /** Whether any of the add-on files is there. */
  get hasRoute(): boolean {
    return this.addOnFiles().length > 0;
  }

  /** Whether the add-on files lead there already. */
  leadsTo(upstream: Upstream): boolean {
    return Object.entries(addOns(upstream)).every(
      ([name, text]) => readIfThere(join(this.addOnFolder, name)) === text,
    );
  }

  /**
   * Writes the add-on files and has nginx test its configuration; where that fails, what stood there before is put
   * back and an AppError says what nginx said. Says what it changed.
   */
  async install(upstream: Upstream): Promise<string[]> {
    const files = Object.entries(addOns(upstream)).map(
      ([name, text]) => [join(this.addOnFolder, name), text] as const,
    );
    const before = files.map(([file]) => [file, readIfThere(file)] as const);
    const changes = files.flatMap(([file, text]) => ensureFile(file, text, READABLE));
    if (changes.length === 0) return [];
    const tested = await this.test();
    if (tested.code === 0) return changes;
    for (const [file, text] of before) {
      if (text === undefined) rmSync(file);
      else writeAtomically(file, text, READABLE);
    }
    throw new AppError(
      'nginx_refuses',
      `nginx does not accept its configuration with the route to push jobs, which was taken back: ${saidBy(tested)}`,
    );
  }

  /** All that the add-on files say, for comparison. */
  routeTo(upstream: Upstream): string {
    return Object.values(addOns(upstream)).join('');
  }

  /** Removes the add-on files; says what it changed. */
  remove(): string[] {
    const there = this.addOnFiles();
    for (const file of there) rmSync(file);
    return there.map((file) => `removed ${file}`);
  }

  /**
   * Has a running nginx read its configuration again; says whether it runs. Throws an AppError where it would not accept
   * it: it would go on with what it has, and say so in its log only.
   */
  async reload(): Promise<string[]> {
    const sv = join(this.chefServer, 'embedded', 'bin', 'sv');
    const env = { SVDIR: join(this.chefServer, 'service') };
    const status = await this.run(sv, ['status', 'nginx'], { env });
    if (!status.stdout.startsWith('run:'))
      return ['nginx is not running: it will know the route when it starts'];
    const tested = await this.test();
    if (tested.code !== 0) {
      throw new AppError(
        'nginx_refuses',
        'nginx was not reloaded, since it does not accept its configuration; mend what it names, then run ' +
          `chef-server-ctl hup nginx: ${saidBy(tested)}`,
      );
    }
    const reloaded = await this.run(sv, ['hup', 'nginx'], { env });
    if (reloaded.code !== 0) throw new AppError('nginx_reload', `cannot reload nginx: ${saidBy(reloaded)}`);
    return ['reloaded nginx'];
  }

  /** What `nginx -t` says. */
  test() {
    return this.run(this.program, ['-t', '-c', join(this.folder, 'nginx.conf')]);
  }

  private addOnFiles(): string[] {
    return Object.keys(addOns({ host: '', port: 0 }))
      .map((name) => join(this.addOnFolder, name))
      .filter((file) => existsSync(file));
  }
}
