import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { PushJobsClient } from '../../../src/shared/api-client/push-jobs-client.js';
import { ClientUnderTest } from '../../support/client-under-test.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/free-port.js';
import { startThrowAwayCluster, type ThrowAwayCluster } from '../../support/postgres/throw-away-cluster.js';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { VirtualAddress } from '../../support/virtual-address.js';
import type { ChefServerReady } from '../chef-server.js';
import { createDatabase, ORG, prepareSettings, startChefServer, USER } from '../installation.js';
import { SupervisedServer } from './supervised-server.js';

/** A server and its path to the database. */
export interface Machine {
  readonly host: string;
  readonly server: SupervisedServer;
  readonly toDatabase: TcpProxy;
}

/** How an installation is started; `settings` are those of the server. */
export interface ChaosOptions {
  readonly nodes: readonly string[];
  /** Whether two servers share the database and an address, so that one can take over. */
  readonly pair: boolean;
  readonly settings: Readonly<Record<string, unknown>>;
}

const HOSTS = ['127.0.0.2', '127.0.0.3'] as const;
const UP_WITHIN_MS = 120_000;

/** Appends a line when the command begins, and one when it ends; both are short, so they are written as a whole. */
const SCRIPT = `#!/bin/sh
line="$CHEF_PUSH_JOB_ID $CHEF_PUSH_NODE_NAME $$"
echo "begin $line $(date +%s.%N)" >> "$2"
sleep "$1"
echo "end $line $(date +%s.%N)" >> "$2"
`;

/**
 * Real programs to break: PostgreSQL, one or two built servers, built clients, and a development Chef Server, which stays
 * intact. Call `stop` at the end.
 */
export class ChaosInstallation {
  readonly machines: Machine[] = [];
  readonly clients: ClientUnderTest[] = [];
  /** How often a server came up, so also how often a standby took over. */
  starts = 0;
  /** The machine whose server came up last. */
  active!: Machine;
  private address: VirtualAddress | undefined;

  private constructor(
    readonly folder: string,
    readonly cluster: ThrowAwayCluster,
    private readonly chefProcess: { kill(signal: 'SIGKILL'): boolean },
    readonly url: string,
    private readonly chef: ChefServerReady,
    private readonly config: Awaited<ReturnType<typeof prepareSettings>>,
    private readonly options: ChaosOptions,
  ) {}

  /** Starts PostgreSQL and the development Chef Server, which also end if this process is killed. */
  static async create(options: ChaosOptions): Promise<ChaosInstallation> {
    const folder = mkdtempSync(join(tmpdir(), 'push-jobs-chaos-'));
    const [cluster, [chefProcess, chef]] = await Promise.all([
      startThrowAwayCluster(),
      startChefServer({ org: ORG, user: USER, nodes: options.nodes }),
    ]);
    await createDatabase(cluster.url);
    const port = await freePort();
    const config = await prepareSettings(folder, port, cluster.url, chef, { ...options, rotated: false });
    const url = `http://127.0.0.1:${port}`;
    return new ChaosInstallation(folder, cluster, chefProcess, url, chef, config, options);
  }

  /** Starts servers and clients; resolves when all nodes are online. */
  async start(): Promise<void> {
    await this.startServers();
    this.startClients();
    await this.isReady();
  }

  /** A connection of a user; close it at the end. */
  connect(): PushJobsClient {
    return new PushJobsClient({
      serverUrl: `${this.url}/organizations/${ORG}`,
      user: USER,
      key: this.chef.userKey,
    });
  }

  /** Runs a statement in the servers' database, as superuser and past all proxies. */
  async sql<Row extends pg.QueryResultRow>(statement: string): Promise<Row[]> {
    const url = new URL(this.cluster.url);
    url.pathname = '/push_jobs';
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      return (await client.query<Row>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  /** Waits until a server responds and all nodes are online. */
  async isReady(): Promise<void> {
    const nodeCount = this.options.nodes.length;
    const client = this.connect();
    try {
      const isOnline = async (): Promise<true> => {
        const nodes = await client.listNodes();
        if (!nodes.ok) throw nodes.error;
        if (nodes.value.length === nodeCount) return true;
        throw new Error(`${nodes.value.length} nodes of ${nodeCount} are online`);
      };
      await eventually(isOnline, { withinMs: UP_WITHIN_MS, everyMs: 500 });
    } finally {
      await client.close();
    }
  }

  /** Path of the file with the lines of all commands. */
  get commandLog(): string {
    return join(this.folder, 'commands.log');
  }

  /** Ends all processes that this one started; removes the folders unless the logs are to be kept. */
  async stop(keepsLogs: boolean): Promise<void> {
    for (const [index, client] of this.clients.entries()) {
      writeFileSync(join(this.folder, `client${index}.log`), client.output);
    }
    await Promise.all(this.clients.map((client) => client.stop()));
    await Promise.all(this.machines.map(({ server }) => server.stop()));
    this.address?.close();
    await Promise.all(this.machines.map(({ toDatabase }) => toDatabase.close()));
    this.chefProcess.kill('SIGKILL');
    await this.cluster.stop();
    if (!keepsLogs) rmSync(this.folder, { recursive: true, force: true });
  }

  private async startServers(): Promise<void> {
    const { config } = this;
    const { pair } = this.options;
    for (const host of pair ? HOSTS : ['127.0.0.1']) {
      const toDatabase = await startTcpProxy(config.database.host, config.database.port);
      const file = join(this.folder, `server-${host}.json`);
      const settings = {
        ...config,
        ha: pair,
        listen: host,
        zeromq_listen_address: `tcp://${host}`,
        database: { ...config.database, host: '127.0.0.1', port: toDatabase.port },
      };
      writeFileSync(file, JSON.stringify(settings));
      const log = join(this.folder, `server-${host}.log`);
      const server = new SupervisedServer(file, log, () => this.cameUp(machine));
      const machine = { host, server, toDatabase };
      this.machines.push(machine);
      server.start();
      if (this.machines.length === 1) await eventually(() => this.starts > 0, { withinMs: UP_WITHIN_MS });
    }
    const ports = [config.api_port, config.command_port, config.server_heartbeat_port];
    if (pair) this.address = await VirtualAddress.start(ports, this.active.host);
  }

  /** Points the shared address to the server, as a cluster manager does. */
  private cameUp(machine: Machine): void {
    this.starts++;
    this.active = machine;
    this.address?.moveTo(machine.host);
  }

  private startClients(): void {
    const script = join(this.folder, 'work.sh');
    writeFileSync(script, SCRIPT);
    writeFileSync(this.commandLog, '');
    const key = createPrivateKey(this.chef.clientKey);
    for (const node of this.options.nodes) {
      const serverUrl = `${this.url}/organizations/${ORG}`;
      const settings = `whitelist({ /^work ([0-9.]+) [0-9]+$/ => 'sh ${script} \\1 ${this.commandLog}' })\n`;
      this.clients.push(new ClientUnderTest({ serverUrl, node, key, settings }));
    }
  }
}
