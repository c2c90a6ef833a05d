import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { ServerKeys, Sessions } from '../keys/keys.port.js';
import { CommandRouter } from './command-router.js';
import { DescriptorWatch } from './descriptor-watch.js';
import { HeartbeatPublisher } from './heartbeat-publisher.js';

/**
 * Opens the channels after every feature has registered its handlers, and closes them at shutdown. The command channel
 * opens first, because a node that hears a heartbeat may reply immediately.
 */
@Injectable()
export class TransportLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly commandRouter: CommandRouter,
    private readonly heartbeats: HeartbeatPublisher,
    private readonly descriptors: DescriptorWatch,
    private readonly sessions: Sessions,
    private readonly keys: ServerKeys,
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { zeromq_listen_address, command_port, server_heartbeat_port } = this.config;
    this.descriptors.start(this.sessions.count(), this.keys.previous !== undefined);
    try {
      await this.commandRouter.start(`${zeromq_listen_address}:${command_port}`);
      await this.heartbeats.start(`${zeromq_listen_address}:${server_heartbeat_port}`);
    } catch (thrown) {
      await this.onApplicationShutdown();
      throw thrown;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.descriptors.stop();
    this.heartbeats.stop();
    await this.commandRouter.stop();
  }
}
