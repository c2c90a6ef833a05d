import { Controller, Get, Header, HttpStatus, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { Documented } from '../http/route-doc.js';
import { LiveJobs } from '../jobs/jobs.port.js';
import { ServerKeys } from '../keys/keys.port.js';
import { NodeDirectory } from '../nodes/nodes.port.js';
import type { ServerHealth, ServerStatus } from '../../shared/protocol/rest-schemas.js';
import { HealthService } from './health.service.js';
import { RouteCatalog } from './route-catalog.js';
import { ServerMetrics } from './server-metrics.js';
import { statusDoc } from './status.doc.js';

/** Routes about the server itself. They need no authentication, so they contain no names of organizations, users or nodes. */
@Controller('pushy')
export class StatusController {
  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    private readonly keys: ServerKeys,
    private readonly nodes: NodeDirectory,
    private readonly jobs: LiveJobs,
    private readonly healthService: HealthService,
    private readonly serverMetrics: ServerMetrics,
    private readonly routes: RouteCatalog,
  ) {}

  @Get('_status')
  @Documented(statusDoc.status)
  status(): ServerStatus {
    return {
      status: "it's alive",
      incarnation_id: this.keys.incarnationId,
      node_fsm_count: this.nodes.count(),
      job_processes: this.config.status_hides_job_ids ? [] : this.jobs.ids(),
    };
  }

  /** For load balancers and monitoring: 200 if the server is ready, 503 with reasons if not. */
  @Get('_health')
  @Documented(statusDoc.health)
  async health(@Res({ passthrough: true }) reply: FastifyReply): Promise<ServerHealth> {
    const health = await this.healthService.health();
    reply.status(health.ready ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE);
    return health;
  }

  @Get('metrics')
  @Documented(statusDoc.metrics)
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  metrics(): Promise<string> {
    return this.serverMetrics.text();
  }

  /** OpenAPI 3.1 of the routes that this server serves. */
  @Get('openapi.json')
  @Documented(statusDoc.openapi)
  @Header('Content-Type', 'application/json; charset=utf-8')
  openapi(): Buffer {
    return this.routes.document();
  }
}
