import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import type { ServerConfig } from '../config/server-config.js';
import type { ServerKeys, Sessions } from '../keys/keys.port.js';
import type { CommandRouter } from './command-router.js';
import { descriptorsNeeded, openFilesLimit } from './descriptor-limit.js';
import { DescriptorWatch } from './descriptor-watch.js';
import type { HeartbeatPublisher } from './heartbeat-publisher.js';

type Addresses = Pick<ServerConfig, 'zeromq_listen_address' | 'command_port' | 'server_heartbeat_port'>;

/**
 * Opens the channels when every feature has registered its handlers, and closes them at the end. The command channel
 * comes first: a node that hears a heartbeat may answer at once.
 */
export class TransportLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly descriptors: DescriptorWatch | undefined;

  constructor(
    private readonly commandRouter: CommandRouter,
    private readonly heartbeats: HeartbeatPublisher,
    private readonly addresses: Addresses,
    private readonly sessions: Sessions,
    private readonly keys: Pick<ServerKeys, 'previous'>,
    private readonly logger: Logger,
    private readonly openFiles: number | undefined = openFilesLimit(),
  ) {
    this.descriptors = openFiles === undefined ? undefined : new DescriptorWatch(openFiles, logger);
  }

  async onApplicationBootstrap(): Promise<void> {
    const { zeromq_listen_address, command_port, server_heartbeat_port } = this.addresses;
    this.warnOfFewDescriptors();
    this.descriptors?.start();
    try {
      await this.commandRouter.start(`${zeromq_listen_address}:${command_port}`);
      await this.heartbeats.start(`${zeromq_listen_address}:${server_heartbeat_port}`);
    } catch (thrown) {
      await this.onApplicationShutdown();
      throw thrown;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.descriptors?.stop();
    this.heartbeats.stop();
    await this.commandRouter.stop();
  }

  /** Node.js raises its own limit as far as it may; what is missing beyond that only an administrator can give. */
  private warnOfFewDescriptors(): void {
    const limit = this.openFiles;
    const nodes = this.sessions.count();
    const needed = descriptorsNeeded(nodes, this.keys.previous !== undefined);
    if (limit === undefined || limit >= needed) return;
    this.logger.warn(
      { limit, needed, nodes },
      'the limit of open files is too low for all nodes to connect at once; raise it (systemd: LimitNOFILE)',
    );
  }
}
