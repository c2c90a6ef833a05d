import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { generateServerKeys } from '../../src/server/keys/generate-server-keys.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { startThrowAwayCluster, type ThrowAwayCluster } from '../support/postgres/throw-away-cluster.js';
import type { ChefServerReady, ChefServerTask } from './chef-server.js';
import { cpuOf, cpuOfFamily, memoryKbOf, parentOf } from './cpu-time.js';

export const ORG = 'acme';
export const USER = 'alice';

/** Path of the built server program. */
export const SERVER = fileURLToPath(new URL('../../src/server/main.js', import.meta.url));
const CHEF_SERVER = new URL('./chef-server.js', import.meta.url);
const START_WITHIN_MS = 60_000;

/** How an installation is started. */
export interface InstallationOptions {
  readonly nodes: readonly string[];
  /** Settings of the server that differ from the defaults. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Folder for a CPU profile of the server, written when it stops. */
  readonly profileFolder?: string | undefined;
  /** Whether the server is in the grace period of a key rotation. */
  readonly rotated: boolean;
}

/** Seconds of CPU so far. */
export interface CpuTimes {
  readonly server: number;
  readonly postgres: number;
  readonly chefServer: number;
}

/**
 * The built server, a temporary PostgreSQL with default durability and a development Chef Server, each in its own
 * process. Call `stop` at the end.
 */
export class Installation {
  private server: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    private readonly cluster: ThrowAwayCluster,
    private readonly postmaster: number,
    private readonly chefProcess: ChildProcess,
    readonly chef: ChefServerReady,
    readonly url: string,
    private readonly options: InstallationOptions,
  ) {}

  static async start(options: InstallationOptions): Promise<Installation> {
    const folder = mkdtempSync(join(tmpdir(), 'push-jobs-load-'));
    const [cluster, [chefProcess, chef]] = await Promise.all([
      startThrowAwayCluster(),
      startChefServer({ org: ORG, user: USER, nodes: options.nodes }),
    ]);
    const postmaster = await createDatabase(cluster.url);
    const port = await freePort();
    const config = await prepareSettings(folder, port, cluster.url, chef, options);
    writeFileSync(join(folder, 'server.json'), JSON.stringify(config));
    const url = `http://127.0.0.1:${port}`;
    const installation = new Installation(folder, cluster, postmaster, chefProcess, chef, url, options);
    await installation.startServer().catch(async (thrown: unknown) => {
      await installation.stop();
      throw thrown;
    });
    return installation;
  }

  /** Starts the server; resolves when it responds. */
  async startServer(): Promise<void> {
    const log = openSync(join(this.folder, 'server.log'), 'a');
    const { profileFolder } = this.options;
    const profile = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
    const server = spawn(
      process.execPath,
      [...profile, SERVER, '--config', join(this.folder, 'server.json')],
      { stdio: ['ignore', log, log] },
    );
    this.server = server;
    await eventually(
      async () => {
        if (server.exitCode !== null) return true;
        return (await fetch(`${this.url}/pushy/_status`)).ok;
      },
      { withinMs: START_WITHIN_MS },
    );
    if (server.exitCode !== null) throw new Error(`the server did not start:\n${this.log()}`);
  }

  /** Ends the server; resolves when its process has ended. */
  async endServer(signal: NodeJS.Signals): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server?.exitCode !== null || server.signalCode !== null) return;
    server.kill(signal);
    await once(server, 'exit');
  }

  /** URL of the server's PostgreSQL, as superuser. */
  get databaseUrl(): string {
    return this.cluster.url;
  }

  cpu(): CpuTimes {
    return {
      server: cpuOf(this.server?.pid ?? 0),
      postgres: cpuOfFamily(this.postmaster),
      chefServer: cpuOf(this.chefProcess.pid ?? 0),
    };
  }

  /** Resident memory of the server in kB. */
  serverMemoryKb(): number {
    return memoryKbOf(this.server?.pid ?? 0);
  }

  /** Ends all processes and removes the folder. */
  async stop(): Promise<void> {
    await this.endServer('SIGTERM');
    this.chefProcess.kill('SIGKILL');
    await this.cluster.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private log(): string {
    return readFileSync(join(this.folder, 'server.log'), 'utf8');
  }
}

/** Starts the development Chef Server in its own process; it ends with this one. */
export const startChefServer = async (task: ChefServerTask): Promise<[ChildProcess, ChefServerReady]> => {
  const child = fork(CHEF_SERVER);
  child.send(task);
  const [ready] = (await once(child, 'message')) as [ChefServerReady];
  return [child, ready];
};

/** Creates the server's database and returns the process id of PostgreSQL's main process. */
export const createDatabase = async (url: string): Promise<number> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('CREATE DATABASE push_jobs');
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    return parentOf(rows[0]?.pid ?? 0);
  } finally {
    await client.end();
  }
};

/** Keys that were replaced just now and stay valid for an hour. */
const previousKeys = async (): Promise<object> => {
  const { pushy_priv_key, curve_secret_key } = await generateServerKeys();
  const now = Date.now();
  const [rotated_at, valid_until] = [now, now + 3_600_000].map((ms) => new Date(ms).toISOString());
  return { pushy_priv_key, curve_secret_key, rotated_at, valid_until };
};

/** Writes the secrets file into the folder and returns the settings of a server. */
export const prepareSettings = async (
  folder: string,
  apiPort: number,
  databaseUrl: string,
  chef: ChefServerReady,
  { settings = {}, rotated }: Pick<InstallationOptions, 'settings' | 'rotated'>,
) => {
  const database = new URL(databaseUrl);
  const secrets = {
    ...(await generateServerKeys()),
    sql_password: database.password,
    superuser_key: chef.superuserKey,
    ...(rotated && { previous: await previousKeys() }),
  };
  const config = {
    listen: '127.0.0.1',
    api_port: apiPort,
    zeromq_listen_address: 'tcp://127.0.0.1',
    command_port: await freePort(),
    server_heartbeat_port: await freePort(),
    server_name_advertised: '127.0.0.1',
    database: {
      host: database.hostname,
      port: Number(database.port),
      database_name: 'push_jobs',
      sql_user: database.username,
    },
    chef_server: { erchef_url: chef.url, root_url: chef.url },
    secrets_file: join(folder, 'secrets.json'),
    ...settings,
  };
  writeFileSync(config.secrets_file, JSON.stringify(secrets), { mode: 0o600 });
  return config;
};
