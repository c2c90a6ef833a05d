import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { NodesModule } from '../nodes/nodes.module.js';
import { TransportModule } from '../transport/transport.module.js';
import { GraphiteReporter } from './graphite-reporter.js';
import { HealthService } from './health.service.js';
import { RouteCatalog } from './route-catalog.js';
import { ServerMetrics } from './server-metrics.js';
import { StatusController } from './status.controller.js';

/** Status, health, metrics and API document of the server. */
@Module({
  imports: [AuthModule, KeysModule, TransportModule, NodesModule, JobsModule],
  controllers: [StatusController],
  providers: [GraphiteReporter, HealthService, RouteCatalog, ServerMetrics],
})
export class StatusModule {}
