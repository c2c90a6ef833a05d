import type { ServerConfig } from '../../src/server/config/server-config.js';
import type { ServerSecrets } from '../../src/server/config/server-secrets.js';
import { eventually } from './eventually.js';
import { ServerProcess } from './server-process.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';
import { VirtualAddress } from './virtual-address.js';

/** A machine of the pair: its server, and its path to the database. */
export interface Machine {
  readonly host: string;
  readonly process: ServerProcess;
  readonly toDatabase: TcpProxy;
}

/** What can happen to the active server. After each of these the standby takes over. */
export const FAULTS = ['killed', 'hangs', 'database path stalls', 'database path is cut'] as const;
export type Fault = (typeof FAULTS)[number];

/** Many programs may be starting at once on a slow machine. */
const TAKE_OVER_WITHIN_MS = 180_000;

const HOSTS = ['127.0.0.2', '127.0.0.3'] as const;

/** An active and a standby server on one database, behind one address. */
export class ServerPair {
  private constructor(
    private readonly config: ServerConfig,
    private readonly secrets: ServerSecrets,
    private readonly address: VirtualAddress,
    public active: Machine,
    public standby: Machine,
  ) {}

  /** A machine that is not restarted yet. */
  private failed: Machine | undefined;

  /** Starts both servers; the ports of 127.0.0.1 lead to the active one. */
  static async start(config: ServerConfig, secrets: ServerSecrets): Promise<ServerPair> {
    const active = await startMachine(HOSTS[0], config, secrets);
    await eventually(() => isUp(active), { withinMs: TAKE_OVER_WITHIN_MS });
    const standby = await startMachine(HOSTS[1], config, secrets);
    const ports = [config.api_port, config.command_port, config.server_heartbeat_port];
    const address = await VirtualAddress.start(ports, active.host);
    return new ServerPair(config, secrets, address, active, standby);
  }

  /** Does this to the active server. */
  fail(fault: Fault): void {
    const { process, toDatabase } = this.active;
    if (fault === 'killed') process.signal('SIGKILL');
    else if (fault === 'hangs') process.signal('SIGSTOP');
    else if (fault === 'database path stalls') toDatabase.stall();
    else toDatabase.cut();
  }

  /** Waits until the standby acts, moves the address there as a cluster manager does, and returns the failed machine. */
  async takeOver(): Promise<Machine> {
    const failed = (this.failed = this.active);
    await eventually(() => isUp(this.standby), { withinMs: TAKE_OVER_WITHIN_MS, everyMs: 100 });
    this.active = this.standby;
    this.address.moveTo(this.active.host);
    return failed;
  }

  /** Repairs a failed machine: what was held back reaches the database, and its server ends. Returns its exit code. */
  async repair({ process, toDatabase }: Machine): Promise<number | NodeJS.Signals> {
    toDatabase.heal();
    process.signal('SIGCONT');
    return process.exit;
  }

  /** Starts a server on a failed machine again, as its supervisor does: it stands by. */
  async restart({ host, toDatabase }: Machine): Promise<void> {
    await toDatabase.close();
    this.failed = undefined;
    this.standby = await startMachine(host, this.config, this.secrets);
    await eventually(() => logged(this.standby, 'standing by'), { withinMs: TAKE_OVER_WITHIN_MS });
  }

  async stop(): Promise<void> {
    const machines = new Set([this.standby, this.active, this.failed ?? this.active]);
    for (const { process, toDatabase } of machines) {
      await process.kill();
      await toDatabase.close();
    }
    this.address.close();
  }
}

const startMachine = async (host: string, config: ServerConfig, secrets: ServerSecrets): Promise<Machine> => {
  const { database } = config;
  if (!('host' in database)) throw new Error('a pair of servers needs a PostgreSQL server');
  const toDatabase = await startTcpProxy(database.host, database.port);
  const process = ServerProcess.spawn(
    {
      ...config,
      ha: true,
      listen: host,
      zeromq_listen_address: `tcp://${host}`,
      database: { ...database, host: '127.0.0.1', port: toDatabase.port },
    },
    secrets,
  );
  return { host, process, toDatabase };
};

const logged = ({ process }: Machine, beginning: string): boolean =>
  process.logged.some(({ msg }) => msg.startsWith(beginning));

/** Throws what the server has said so far if it is not up. */
const isUp = (machine: Machine): boolean => {
  if (logged(machine, 'push-jobs-server is up')) return true;
  const { process } = machine;
  throw new Error(`${machine.host} is not up: ${JSON.stringify(process.logged.slice(-5))} ${process.stderr}`);
};
