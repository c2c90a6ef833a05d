import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import type { ServerConfig } from '../config/server-config.js';
import type { CommandRouter } from './command-router.js';
import type { HeartbeatPublisher } from './heartbeat-publisher.js';

type Addresses = Pick<ServerConfig, 'zeromq_listen_address' | 'command_port' | 'server_heartbeat_port'>;

/**
 * Opens the channels when every feature has registered its handlers, and closes them at the end. The command channel
 * comes first: a node that hears a heartbeat may answer at once.
 */
export class TransportLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly commandRouter: CommandRouter,
    private readonly heartbeats: HeartbeatPublisher,
    private readonly addresses: Addresses,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { zeromq_listen_address, command_port, server_heartbeat_port } = this.addresses;
    try {
      await this.commandRouter.start(`${zeromq_listen_address}:${command_port}`);
      await this.heartbeats.start(`${zeromq_listen_address}:${server_heartbeat_port}`);
    } catch (thrown) {
      await this.onApplicationShutdown();
      throw thrown;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.heartbeats.stop();
    await this.commandRouter.stop();
  }
}
