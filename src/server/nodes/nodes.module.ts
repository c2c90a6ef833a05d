import { Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { TransportModule } from '../transport/transport.module.js';
import { NodeConfigController } from './node-config.controller.js';
import { NodeConfigService } from './node-config.service.js';
import { NodeRegistry } from './node-registry.js';
import { NodeStatesController } from './node-states.controller.js';
import { NodeStore } from './node-store.port.js';
import { NodeTable } from './node-table.js';
import { NodeDirectory } from './nodes.port.js';
import { PostgresNodeStore } from './postgres-node-store.js';

/** The nodes: their config, presence and availability. */
@Module({
  imports: [AuthModule, KeysModule, TransportModule],
  controllers: [NodeConfigController, NodeStatesController],
  providers: [
    NodeConfigService,
    NodeTable,
    NodeRegistry,
    { provide: NodeDirectory, useExisting: NodeRegistry },
    { provide: NodeStore, useClass: PostgresNodeStore },
  ],
  exports: [NodeDirectory],
})
export class NodesModule implements OnModuleInit, OnApplicationShutdown {
  constructor(private readonly registry: NodeRegistry) {}

  async onModuleInit(): Promise<void> {
    await this.registry.start();
  }

  onApplicationShutdown(): void {
    this.registry.stop();
  }
}
