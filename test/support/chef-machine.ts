import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { CtlEnvironment } from '../../ctl/ctl-environment.js';
import type { RunProgram } from '../../ctl/lib/run-program.js';
import { DevChefServer } from '../dev-chef-server/dev-chef-server.js';
import { CtlUnderTest, type CtlOutcome } from './ctl-under-test.js';
import { createEmptyDatabase, type TestDatabase } from './database.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';

const SERVER = fileURLToPath(new URL('../../dist/src/server/main.js', import.meta.url));

const CLIENT = fileURLToPath(new URL('../../dist/src/client/main.js', import.meta.url));

const CTL = fileURLToPath(new URL('../../dist/ctl/main.js', import.meta.url));

/** The process id in a line of `status`; undefined if the service does not run. */
export const pidIn = (status: string): string | undefined => /^run: [^:]+: \(pid (\d+)\)/.exec(status)?.[1];

/**
 * A Chef Server's machine below a temporary folder: settings and secrets as Chef Server writes them, a real runit, a
 * real nginx that forwards all but Push Jobs to a development Chef Server, and a database server. The ctl runs in this
 * process with the folder as its root; the service that it sets up is the built server. Close it in `afterAll`.
 */
export class ChefMachine {
  /** The installed programs, as the ctl sees them. */
  readonly installed = { node: process.execPath, server: SERVER, client: CLIENT, version: '1.2.3' };
  private readonly ctlUnderTest = new CtlUnderTest({ installed: this.installed });
  private readonly runsvdir: ChildProcess;

  private constructor(
    readonly chef: DevChefServer,
    readonly database: TestDatabase,
    readonly ports: { nginx: number; api: number; command: number; heartbeat: number },
  ) {
    this.writeFiles();
    this.runsvdir = spawn('runsvdir', ['-P', this.path('/opt/opscode/service')], { stdio: 'ignore' });
  }

  /** Resolves when nginx responds. Throws if the server is not built. */
  static async start(): Promise<ChefMachine> {
    if (!existsSync(SERVER)) throw new Error(`${SERVER} is not built; run: npm run build`);
    const [chef, database] = await Promise.all([DevChefServer.start(), createEmptyDatabase()]);
    const ports = {
      nginx: await freePort(),
      api: await freePort(),
      command: await freePort(),
      heartbeat: await freePort(),
    };
    const machine = new ChefMachine(chef, database, ports);
    await eventually(async () => (await machine.get('/_status')).status === 200, { withinMs: 40_000 });
    return machine;
  }

  /** Stops everything, and removes the folder, the database and the roles. */
  async close(): Promise<void> {
    this.runsvdir.kill('SIGHUP'); // runsvdir stops every supervisor, and each of these its service
    await once(this.runsvdir, 'exit');
    await this.chef.stop();
    await this.database.drop();
    await this.database.sqlOfServer(`DROP ROLE IF EXISTS ${this.role}`);
    await this.database.sqlOfServer(`DROP ROLE IF EXISTS ${this.role}_ro`);
    this.ctlUnderTest.remove();
  }

  /** The real path of a path on the machine. */
  path(absolute: string): string {
    return this.ctlUnderTest.path(absolute);
  }

  /** Name of the role that will own the database; unique, since all databases of the server share their roles. */
  get role(): string {
    return `owner_of_${this.database.config.database_name}`;
  }

  /** Writes a file of the machine and returns its real path. */
  write(absolute: string, text: string, mode?: number): string {
    return this.ctlUnderTest.write(absolute, text, mode);
  }

  /** Writes the administrator's settings; `more` are lines of the file. */
  configure(more = ''): void {
    this.ctlUnderTest.writeSettings(
      `opscode_pushy_server['api_port'] = ${this.ports.api}
opscode_pushy_server['command_port'] = '${this.ports.command}'
opscode_pushy_server['server_heartbeat_port'] = ${this.ports.heartbeat}
opscode_pushy_server['zeromq_listen_address'] = 'tcp://127.0.0.1'
postgresql['database_name'] = '${this.database.config.database_name}'
postgresql['sql_user'] = '${this.role}'
postgresql['sql_ro_user'] = '${this.role}_ro'
chef_server['root_url'] = 'http://127.0.0.1:${this.ports.nginx}'
chef_server['erchef_url'] = '${this.chef.url}'
${more}`,
    );
  }

  /** Runs the ctl to its end. */
  ctl(...args: string[]): Promise<CtlOutcome> {
    return this.ctlUnderTest.run(...args);
  }

  /** Runs the ctl in an environment with these changes. */
  ctlWith(changes: Partial<CtlEnvironment>, ...args: string[]): Promise<CtlOutcome> {
    return this.ctlUnderTest.runWith(changes, ...args);
  }

  /** Runs the built ctl in its own process, which believes that it runs as root. */
  ctlProcess(...args: string[]) {
    const asRoot = ['--import', 'data:text/javascript,process.geteuid = () => 0'];
    const child = spawn(process.execPath, [...asRoot, CTL, '--root', this.ctlUnderTest.root, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout }));
    return { child, ended, stdout: () => stdout };
  }

  /** Runs `tail` until `isEnough` accepts a chunk of its output, then ends it as Ctrl-C does. */
  async tailUntil(isEnough: (shown: string) => boolean): Promise<void> {
    let end = (): void => undefined;
    const follow: RunProgram = (program, args, options = {}) => {
      const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'ignore'] });
      end = () => void child.kill('SIGINT');
      child.stdout.on('data', (chunk: Buffer) => options.onOutput?.(String(chunk)));
      return once(child, 'close').then(() => ({ code: 0, stdout: '', stderr: '' }));
    };
    const stdout = { write: (chunk: string | Uint8Array) => isEnough(String(chunk)) && end() };
    await this.ctlUnderTest.runWith({ run: follow, stdout }, 'tail');
  }

  /** Output of `sv status` for a service. */
  svStatus(service = 'opscode-pushy-server'): string {
    const env = { ...process.env, SVDIR: this.path('/opt/opscode/service') };
    return spawnSync('sv', ['status', service], { env, encoding: 'utf8' }).stdout;
  }

  /** Runs a statement as another role. */
  async sqlAs(user: string, password: string, statement: string): Promise<unknown[]> {
    const url = new URL(this.database.url);
    url.username = user;
    url.password = password;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  /** Links the service to a foreign folder, as an old server did. */
  linkServiceToOldServer(): void {
    this.write('/opt/old/sv/opscode-pushy-server/run', '#!/bin/sh\nexec sleep 1000\n', 0o755);
    const link = this.path('/opt/opscode/service/opscode-pushy-server');
    rmSync(link, { force: true });
    symlinkSync(this.path('/opt/old/sv/opscode-pushy-server'), link);
  }

  removeFile(file: string): void {
    rmSync(file);
  }

  /** Sends a GET request to nginx. */
  get(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.ports.nginx}${path}`);
  }

  private writeFiles(): void {
    this.write(
      '/etc/opscode/chef-server-running.json',
      JSON.stringify({
        private_chef: {
          topology: 'standalone',
          postgresql: {
            vip: this.database.config.host,
            port: this.database.config.port,
            db_superuser: this.database.config.sql_user,
          },
          lb: { api_fqdn: '127.0.0.1' },
          user: { username: userInfo().username },
          nginx: { dir: '/var/opt/opscode/nginx', ssl_port: this.ports.nginx },
        },
      }),
    );
    this.write('/etc/opscode/private-chef-secrets.json', this.chefSecrets(), 0o600);
    for (const tool of ['sv', 'svlogd', 'chpst']) this.link(`/opt/opscode/embedded/bin/${tool}`, tool);
    this.link('/opt/opscode/embedded/sbin/nginx', 'nginx');
    mkdirSync(this.path('/opt/opscode/service'), { recursive: true });
    this.writeNginxFiles();
  }

  private link(absolute: string, program: string): void {
    const found = ['/usr/bin', '/usr/sbin'].map((folder) => join(folder, program)).find(existsSync);
    if (found === undefined) throw new Error(`${program} is not installed; run: npm test`);
    mkdirSync(dirname(this.path(absolute)), { recursive: true });
    symlinkSync(found, this.path(absolute));
  }

  /** A secrets file as veil writes it, with a secret of another program in it. */
  private chefSecrets(): string {
    const credential = (group: string, name: string, value: string) => ({
      [name]: {
        type: 'Veil::Credential',
        name,
        group,
        value,
        version: 0,
        length: value.length,
        frozen: false,
      },
    });
    const groups = {
      'chef-server': credential('chef-server', 'superuser_key', this.chef.superuserKey!),
      postgresql: credential('postgresql', 'db_superuser_password', this.database.password),
      opscode_erchef: credential('opscode_erchef', 'sql_password', 'of somebody else'),
    };
    const [key, iv] = [randomBytes(32), randomBytes(16)];
    const cipher = createCipheriv('aes-256-cbc', key, iv);
    const credentials = Buffer.concat([cipher.update(JSON.stringify(groups)), cipher.final()]);
    return JSON.stringify({
      veil: {
        type: 'Veil::CredentialCollection::ChefSecretsFile',
        version: 2,
        hasher: { type: 'Veil::Hasher::PBKDF2', secret: 'aa', salt: 'bb', iterations: 10_000 },
        cipher: { type: 'Veil::Cipher::V2', key: key.toString('base64'), iv: iv.toString('base64') },
        credentials: credentials.toString('base64'),
      },
    });
  }

  private writeNginxFiles(): void {
    const folder = this.path('/var/opt/opscode/nginx');
    mkdirSync(join(folder, 'tmp'), { recursive: true });
    mkdirSync(join(folder, 'etc/addon.d'), { recursive: true });
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${folder}/tmp/${kind};`,
    );
    this.write(
      '/var/opt/opscode/nginx/etc/nginx.conf',
      `daemon off;
${userInfo().uid === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 100; }
http {
  access_log off;
  ${temporary.join('\n  ')}
  include ${folder}/etc/addon.d/*_upstreams.conf;
  server {
    listen 127.0.0.1:${this.ports.nginx};
    include ${folder}/etc/addon.d/*_external.conf;
    location / { proxy_pass ${this.chef.url}; proxy_set_header Host $http_host; }
  }
}
`,
    );
    const nginx = `${this.path('/opt/opscode/embedded/sbin/nginx')} -c ${folder}/etc/nginx.conf`;
    this.write('/opt/opscode/sv/nginx/run', `#!/bin/sh\nexec 2>&1\nexec ${nginx}\n`, 0o755);
    symlinkSync(this.path('/opt/opscode/sv/nginx'), this.path('/opt/opscode/service/nginx'));
  }
}
