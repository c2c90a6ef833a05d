import {
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { NodesModule } from '../nodes/nodes.module.js';
import { HistoryPruner } from './history/history-pruner.js';
import { HistoryStore } from './history/history-store.port.js';
import { JobStarter } from './live/job-starter.js';
import { JobStore } from './job-store.port.js';
import { JobSupervisor } from './live/job-supervisor.js';
import { JobsController } from './rest/jobs.controller.js';
import { JobLookup, LiveJobs } from './jobs.port.js';
import { JobsService } from './rest/jobs.service.js';
import { OrgEventStore } from './org-event-store.port.js';
import { PostgresHistoryStore } from './history/postgres-history-store.js';
import { PostgresJobStore } from './stores/postgres-job-store.js';
import { PostgresOrgEventStore } from './stores/postgres-org-event-store.js';

/** Starts jobs, guides them through votes and runs, and stores them. */
@Module({
  imports: [AuthModule, NodesModule],
  controllers: [JobsController],
  providers: [
    JobSupervisor,
    JobStarter,
    JobsService,
    HistoryPruner,
    { provide: HistoryStore, useClass: PostgresHistoryStore },
    { provide: LiveJobs, useExisting: JobSupervisor },
    { provide: JobLookup, useExisting: JobsService },
    { provide: JobStore, useClass: PostgresJobStore },
    { provide: OrgEventStore, useClass: PostgresOrgEventStore },
  ],
  exports: [LiveJobs, JobLookup, OrgEventStore],
})
export class JobsModule implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  constructor(private readonly supervisor: JobSupervisor) {}

  async onModuleInit(): Promise<void> {
    await this.supervisor.recover();
  }

  /** Runs after all features have initialized, including the observer of jobs, and the command channel is open. */
  onApplicationBootstrap(): void {
    this.supervisor.resumeRecovered();
  }

  onApplicationShutdown(): void {
    this.supervisor.stop();
  }
}
