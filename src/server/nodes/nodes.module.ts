import { Inject, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { TransportModule } from '../transport/transport.module.js';
import { NodeConfigController } from './node-config.controller.js';
import { NodeConfigService } from './node-config.service.js';
import { NodeRegistry } from './node-registry.js';
import { NODE_STORE } from './node-store.port.js';
import { NodeStatesController } from './node-states.controller.js';
import { FLEET } from './nodes.port.js';
import { PostgresNodeStore } from './postgres-node-store.js';

/** The nodes: who they are, how they stand, and how they get their config. */
@Module({
  imports: [AuthModule, KeysModule, TransportModule],
  controllers: [NodeConfigController, NodeStatesController],
  providers: [
    NodeConfigService,
    NodeRegistry,
    { provide: FLEET, useExisting: NodeRegistry },
    { provide: NODE_STORE, useClass: PostgresNodeStore },
  ],
  exports: [FLEET],
})
export class NodesModule implements OnModuleInit, OnApplicationShutdown {
  constructor(@Inject(NodeRegistry) private readonly registry: NodeRegistry) {}

  async onModuleInit(): Promise<void> {
    await this.registry.start();
  }

  onApplicationShutdown(): void {
    this.registry.stop();
  }
}
