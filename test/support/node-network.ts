import type { ServerConfig } from '../../src/server/config/server-config.js';
import type { ConfigDocument } from '../../src/shared/protocol/config-document.js';
import { type NetworkOutage, OutageProxy } from './outage-proxy.js';

/** The network between one node and the server: its command and heartbeat connections, and its config requests. */
export class NodeNetwork {
  private isUp = true;

  private constructor(
    private readonly command: OutageProxy,
    private readonly heartbeat: OutageProxy,
  ) {}

  static async open(config: ServerConfig): Promise<NodeNetwork> {
    const ports = [config.command_port, config.server_heartbeat_port] as const;
    const [command, heartbeat] = await Promise.all(ports.map((port) => OutageProxy.start(port)));
    return new NodeNetwork(command!, heartbeat!);
  }

  begin(outage: NetworkOutage): void {
    this.isUp = false;
    this.command.begin(outage);
    this.heartbeat.begin(outage);
  }

  heal(): void {
    this.isUp = true;
    this.command.heal();
    this.heartbeat.heal();
  }

  /** Fetches a config through this network; its addresses lead through this network too. */
  async fetch(fetchConfig: () => Promise<ConfigDocument>): Promise<ConfigDocument> {
    if (!this.isUp) throw new Error('the network is down');
    const document = await fetchConfig();
    return {
      ...document,
      push_jobs: {
        heartbeat: {
          ...document.push_jobs.heartbeat,
          command_addr: `tcp://127.0.0.1:${this.command.port}`,
          out_addr: `tcp://127.0.0.1:${this.heartbeat.port}`,
        },
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.command.close(), this.heartbeat.close()]);
  }
}
