import {
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { NodesModule } from '../nodes/nodes.module.js';
import { HistoryPruner } from './history/history-pruner.js';
import { HISTORY_STORE } from './history/history-store.port.js';
import { JobStarter } from './live/job-starter.js';
import { JOB_STORE } from './job-store.port.js';
import { JobSupervisor } from './live/job-supervisor.js';
import { JobsController } from './rest/jobs.controller.js';
import { JOB_LOOKUP, LIVE_JOBS } from './jobs.port.js';
import { JobsService } from './rest/jobs.service.js';
import { ORG_EVENT_STORE } from './org-event-store.port.js';
import { PostgresHistoryStore } from './history/postgres-history-store.js';
import { PostgresJobStore } from './stores/postgres-job-store.js';
import { PostgresOrgEventStore } from './stores/postgres-org-event-store.js';

/** The jobs: started, followed through their votes and runs, kept. */
@Module({
  imports: [AuthModule, NodesModule],
  controllers: [JobsController],
  providers: [
    JobSupervisor,
    JobStarter,
    JobsService,
    HistoryPruner,
    { provide: HISTORY_STORE, useClass: PostgresHistoryStore },
    { provide: LIVE_JOBS, useExisting: JobSupervisor },
    { provide: JOB_LOOKUP, useExisting: JobsService },
    { provide: JOB_STORE, useClass: PostgresJobStore },
    { provide: ORG_EVENT_STORE, useClass: PostgresOrgEventStore },
  ],
  exports: [LIVE_JOBS, JOB_LOOKUP, ORG_EVENT_STORE],
})
export class JobsModule implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  constructor(@Inject(JobSupervisor) private readonly supervisor: JobSupervisor) {}

  async onModuleInit(): Promise<void> {
    await this.supervisor.recover();
  }

  /** When all features, those that observe jobs too, are there and the channels are open. */
  onApplicationBootstrap(): void {
    this.supervisor.goOn();
  }

  onApplicationShutdown(): void {
    this.supervisor.stop();
  }
}
