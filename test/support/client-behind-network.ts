import { createPrivateKey } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClientUnderTest } from './client-under-test.js';
import { ConfigProxy } from './config-proxy.js';
import { NodeNetwork } from './node-network.js';
import type { NetworkOutage } from './outage-proxy.js';
import { ORG, type ServerUnderTest } from './server-under-test.js';

/** Runs until the file `end` exists in its folder, and notes its start, its end and a TERM in the file `log`. */
const COMMAND =
  "echo start >> log; trap 'echo killed >> log; exit 1' TERM; until [ -e end ]; do sleep 0.1; done; echo end >> log";

/** The outage of one client. */
export interface ClientOutage {
  readonly node: string;
  readonly outage: NetworkOutage;
  readonly intervals: number;
  /** When the command ends, in intervals after the beginning of the outage. */
  readonly endsAfter: number;
}

/** The built client whose whole network fails as planned. Stop it at the end. */
export class ClientBehindNetwork {
  /** The folder in which its command runs; jobs must name it. */
  readonly folder: string;

  private constructor(
    readonly plan: ClientOutage,
    private readonly network: NodeNetwork,
    private readonly proxy: ConfigProxy,
    private readonly client: ClientUnderTest,
  ) {
    this.folder = client.makeFolder('work');
  }

  /** Starts a client whose whitelist has the command `work`; it may not be available yet. */
  static async start(server: ServerUnderTest, plan: ClientOutage): Promise<ClientBehindNetwork> {
    const [network, { key }] = await Promise.all([
      NodeNetwork.open(server.config),
      server.createIdentity(plan.node),
    ]);
    const proxy = await ConfigProxy.start(network, server.config.api_port);
    const client = new ClientUnderTest({
      serverUrl: `http://127.0.0.1:${proxy.port}/organizations/${ORG}`,
      node: plan.node,
      key: createPrivateKey(key),
      settings: `whitelist({ 'work' => ${JSON.stringify(COMMAND)} })`,
    });
    return new ClientBehindNetwork(plan, network, proxy, client);
  }

  /** The lines that its command has written. */
  get commandLog(): string[] {
    const file = join(this.folder, 'log');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  }

  /** Lets its network fail, and resolves when the network works again and the command was told to end. */
  async sufferOutage(intervalMs: number, isServerBack: Promise<void>): Promise<void> {
    const { outage, intervals, endsAfter } = this.plan;
    this.network.begin(outage);
    const heal = async (): Promise<void> => {
      await Promise.all([pause(intervals * intervalMs), isServerBack]);
      this.network.heal();
    };
    const endCommand = async (): Promise<void> => {
      await pause(endsAfter * intervalMs);
      writeFileSync(join(this.folder, 'end'), '');
    };
    await Promise.all([heal(), endCommand()]);
  }

  async stop(): Promise<void> {
    await this.client.stop();
    await this.proxy.close();
    await this.network.close();
  }
}

/** The planned length of an outage or a command. */
const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
